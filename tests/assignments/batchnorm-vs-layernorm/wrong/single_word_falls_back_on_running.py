"""Uses the running statistics for a batch of one word in training."""
# score: 23
# caught by: hidden_batch_single
# cell: batch_forward
def batch_forward(x, lengths, gain, shift, running, training, keep=0.9, eps=1e-5):
    if training and lengths.sum() > 1:
        mean, variance, count = word_statistics(x, lengths)
        running = update_running(running, mean, variance, count, keep)
    else:
        mean, variance = running
    mask = is_word(lengths, x.shape[1]).unsqueeze(-1)
    r = 1 / torch.sqrt(variance + eps)
    z = ((x - mean) * r).masked_fill(~mask, 0)
    y = (z * gain + shift).masked_fill(~mask, 0)
    return y.to(x.dtype), z, r, running
