"""The bracket closes too early: the root multiplies z and not the cube."""
# score: 19
# caught by: test_gelu_tanh
# cell: gelu_approximations
def gelu_tanh(x, mean=0.0, std=1.0, c=0.044715):
    z = (x - mean) / std
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * z + c * z**3))


def gelu_sigmoid(x, mean=0.0, std=1.0, c=1.702):
    return x * torch.sigmoid(c * (x - mean) / std)
