"""Sends gradients through mean and variance in evaluation, too."""
# score: 23
# caught by: hidden_batch_frozen
# cell: batch_backward
def batch_backward(dy, z, r, gain, lengths, training):
    mask = is_word(lengths, dy.shape[1]).unsqueeze(-1)
    dy = dy.masked_fill(~mask, 0)
    dgain, dshift = (dy * z).sum((0, 1)), dy.sum((0, 1))
    dz = dy * gain
    n = lengths.sum()
    dx = r * (dz - dz.sum((0, 1)) / n - z * (dz * z).sum((0, 1)) / n)
    return dx.masked_fill(~mask, 0), dgain, dshift
