"""The derivative is taken by autograd."""
# score: 15
# caught by: test_gelu_grad
# cell: gelu_grad
def gelu_grad(x, mean=0.0, std=1.0):
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        return torch.autograd.grad(gelu_exact(leaf, mean, std).sum(), leaf)[0]
