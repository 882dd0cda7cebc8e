"""Divides by the length of z instead of D, as if its mean square were 1 whatever eps is."""
# score: 22
# caught by: hidden_layer_dx
# cell: layer_backward
def layer_backward(dy, z, r, gain):
    dz = dy * gain
    along_z = z * (dz * z).sum(-1, keepdim=True) / (z * z).sum(-1, keepdim=True)
    dx = r * (dz - dz.mean(-1, keepdim=True) - along_z)
    dgain = (dy * z).flatten(0, -2).sum(0)
    dshift = dy.flatten(0, -2).sum(0)
    return dx, dgain, dshift
