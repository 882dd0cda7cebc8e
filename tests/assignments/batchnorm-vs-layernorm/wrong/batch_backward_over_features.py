"""Takes the means over the features, as layer norm does."""
# score: 20
# caught by: hidden_batch_dx
# cell: batch_backward
def batch_backward(dy, z, r, gain, lengths, training):
    mask = is_word(lengths, dy.shape[1]).unsqueeze(-1)
    dy = dy.masked_fill(~mask, 0)
    dgain, dshift = (dy * z).sum((0, 1)), dy.sum((0, 1))
    dz = dy * gain
    if not training:
        return dz * r, dgain, dshift
    dx = r * (dz - dz.mean(-1, keepdim=True) - z * (dz * z).mean(-1, keepdim=True))
    return dx.masked_fill(~mask, 0), dgain, dshift
