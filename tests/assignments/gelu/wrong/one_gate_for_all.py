"""The mean and the deviation are turned into Python floats, so all units share one gate."""
# score: 20
# caught by: hidden_gelu_gate
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    z = (x - float(mean)) / float(std)
    return 0.5 * x * torch.erfc(-z / math.sqrt(2))
