"""Averages the gradients of gain and shift over the words."""
# score: 23
# caught by: hidden_layer_parameters
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    dz = dy * gain
    dx = r * (dz - dz.mean(-1, keepdim=True) - z * (dz * z).mean(-1, keepdim=True))
    dgain = (dy * z).flatten(0, -2).mean(0)
    dshift = dy.flatten(0, -2).mean(0)
    return dx, dgain, dshift
