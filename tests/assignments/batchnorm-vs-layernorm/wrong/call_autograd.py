"""Rebuilds an input from z and r, and lets autograd do the backward pass."""
# score: 20
# caught by: hidden_layer_dx
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    x = (z / r).detach().requires_grad_()
    eps = (1 / r**2 - x.detach().pow(2).mean(-1, keepdim=True)).detach()
    centred = x - x.mean(-1, keepdim=True)
    again = centred / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + eps)
    gamma, beta = gain.clone().requires_grad_(), torch.zeros_like(gain).requires_grad_()
    return torch.autograd.grad(again * gamma + beta, (x, gamma, beta), dy)
