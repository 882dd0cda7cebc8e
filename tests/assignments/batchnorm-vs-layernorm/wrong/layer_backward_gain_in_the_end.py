"""Multiplies by the gain after the means instead of before."""
# score: 22
# caught by: hidden_layer_dx
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    dx = gain * r * (dy - dy.mean(-1, keepdim=True) - z * (dy * z).mean(-1, keepdim=True))
    dgain = (dy * z).flatten(0, -2).sum(0)
    dshift = dy.flatten(0, -2).sum(0)
    return dx, dgain, dshift
