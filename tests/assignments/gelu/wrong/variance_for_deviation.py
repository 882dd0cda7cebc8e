"""std is read as the variance, so z is divided by its root."""
# score: 16
# caught by: test_gelu_exact
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    z = (x - mean) / torch.as_tensor(std, dtype=x.dtype).sqrt()
    return x * 0.5 * torch.erfc(-z / math.sqrt(2))
