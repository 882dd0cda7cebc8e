"""Sums the gradients of gain and shift over the texts alone."""
# score: 23
# caught by: hidden_layer_parameters
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    dz = dy * gain
    dx = r * (dz - dz.mean(-1, keepdim=True) - z * (dz * z).mean(-1, keepdim=True))
    dgain = (dy * z).sum(0)
    dshift = dy.sum(0)
    return dx, dgain, dshift
