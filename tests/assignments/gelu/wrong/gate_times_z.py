"""What passes through the gate is taken to be z, too, instead of x."""
# score: 16
# caught by: test_gelu_exact
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    z = (x - mean) / std
    return z * 0.5 * torch.erfc(-z / math.sqrt(2))
