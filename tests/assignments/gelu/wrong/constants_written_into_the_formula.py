"""Both constants are written into the formulas, and the argument is ignored."""
# score: 20
# caught by: hidden_gelu_constant
# cell: gelu_approximations
def gelu_tanh(x, mean=0.0, std=1.0, c=0.044715):
    z = (x - mean) / std
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def gelu_sigmoid(x, mean=0.0, std=1.0, c=1.702):
    return x * torch.sigmoid(1.702 * (x - mean) / std)
