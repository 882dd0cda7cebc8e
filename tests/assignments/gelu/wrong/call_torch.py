"""PyTorch's own gelu and SiLU instead of formulas."""
# score: 12
# caught by: test_gelu_exact
# cell: gelu_exact
def gelu_exact(x: Tensor, mean: float | Tensor = 0.0, std: float | Tensor = 1.0) -> Tensor:
    return torch.nn.functional.gelu(x)

# cell: gelu_approximations
def gelu_tanh(x, mean=0.0, std=1.0, c=0.044715):
    return torch.nn.functional.gelu(x, approximate="tanh")


def gelu_sigmoid(x, mean=0.0, std=1.0, c=1.702):
    return torch.nn.functional.silu(c * (x - mean) / std) * std / c
