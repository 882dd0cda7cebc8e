"""Leaves the shift in the padding."""
# score: 22
# caught by: hidden_batch_forward
# cell: batch_forward
def batch_forward(x, lengths, gain, shift, running, training, keep=0.9, eps=1e-5):
    if training:
        mean, variance, count = word_statistics(x, lengths)
        running = update_running(running, mean, variance, count, keep)
    else:
        mean, variance = running
    mask = is_word(lengths, x.shape[1]).unsqueeze(-1)
    r = 1 / torch.sqrt(variance + eps)
    z = ((x - mean) * r).masked_fill(~mask, 0)
    y = z * gain + shift
    return y.to(x.dtype), z, r, running
