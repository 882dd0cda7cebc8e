"""The textbook form with erf, which subtracts nearly equal numbers far to the left."""
# score: 20
# caught by: hidden_gelu_tail
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    z = (x - mean) / std
    return 0.5 * x * (1 + torch.erf(z / math.sqrt(2)))
