"""The inner derivative 1/std is missing, which nobody sees at std = 1."""
# score: 19
# caught by: hidden_gelu_grad
# cell: gelu_grad
def gelu_grad(x, mean=0.0, std=1.0):
    z = (x - mean) / std
    bell = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return torch.erfc(-z / math.sqrt(2)) / 2 + x * bell
