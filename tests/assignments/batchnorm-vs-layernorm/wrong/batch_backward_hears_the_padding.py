"""Lets what dy holds in the padding count."""
# score: 23
# caught by: hidden_batch_padding
# cell: batch_backward
def batch_backward(dy, z, r, gain, lengths, training):
    mask = is_word(lengths, dy.shape[1]).unsqueeze(-1)
    dgain, dshift = (dy * z).sum((0, 1)), dy.sum((0, 1))
    dz = dy * gain
    if not training:
        return (dz * r).masked_fill(~mask, 0), dgain, dshift
    n = lengths.sum()
    dx = r * (dz - dz.sum((0, 1)) / n - z * (dz * z).sum((0, 1)) / n)
    return dx.masked_fill(~mask, 0), dgain, dshift
