"""course_lib's gelu_derivative, pasted: it has no mean and no std."""
# score: 18
# caught by: test_gelu_grad
# cell: gelu_grad
def gelu_derivative(x: Tensor) -> Tensor:
    density = torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    return 0.5 * torch.erfc(x * -math.sqrt(0.5)) + x * density


gelu_grad = gelu_derivative
