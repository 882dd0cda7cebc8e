"""The sigmoid's constant is rounded to 1.7."""
# score: 20
# caught by: test_gelu_sigmoid
# cell: gelu_approximations
def gelu_tanh(x, mean=0.0, std=1.0, c=0.044715):
    z = (x - mean) / std
    return x * torch.sigmoid(2 * math.sqrt(2 / math.pi) * (z + c * z**3))


def gelu_sigmoid(x, mean=0.0, std=1.0, c=1.7):
    return x * torch.sigmoid(c * (x - mean) / std)
