"""Everything is computed in float32, also for a float64 input."""
# score: 18
# caught by: hidden_gelu_exact
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    x = x.float()
    z = (x - mean) / std
    return 0.5 * x * torch.erfc(-z / math.sqrt(2))
