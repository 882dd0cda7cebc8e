"""The derivative of the gate alone: the product rule is forgotten."""
# score: 18
# caught by: test_gelu_grad
# cell: gelu_grad
def gelu_grad(x, mean=0.0, std=1.0):
    z = (x - mean) / std
    return torch.exp(-z * z / 2) / math.sqrt(2 * math.pi) / std
