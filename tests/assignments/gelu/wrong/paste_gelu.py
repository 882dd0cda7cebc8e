"""course_lib's gelu and its approximations, pasted under the names that are asked for."""
# score: 12
# caught by: test_gelu_exact
# cell: gelu_exact
SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)


def gelu_exact(x: Tensor) -> Tensor:
    return 0.5 * x * torch.erfc(x * -math.sqrt(0.5))

# cell: gelu_approximations
def gelu_tanh(x: Tensor, constant: float = 0.044715) -> Tensor:
    z = x.clamp(-12, 12)
    return x * torch.sigmoid(2.0 * SQRT_2_OVER_PI * (z + constant * z**3))


def gelu_sigmoid(x: Tensor, constant: float = 1.702) -> Tensor:
    return x * torch.sigmoid(constant * x)
