"""The second term has z instead of x / std."""
# score: 18
# caught by: test_gelu_grad
# cell: gelu_grad
def gelu_grad(x, mean=0.0, std=1.0):
    z = (x - mean) / std
    bell = torch.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    return torch.erfc(-z / math.sqrt(2)) / 2 + z * bell
