"""The root of 2 is rounded to three digits."""
# score: 16
# caught by: hidden_gelu_exact
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    z = (x - mean) / std
    return 0.5 * x * torch.erfc(-z / 1.414)
