"""Keeps the variance for a single word, and moves the mean."""
# score: 23
# caught by: hidden_batch_single
# cell: statistics
def word_statistics(x, lengths):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mask = is_word(lengths, x.shape[1]).unsqueeze(-1)
    n = int(lengths.sum())
    mean = x.masked_fill(~mask, 0).sum((0, 1)) / n
    variance = (x - mean).masked_fill(~mask, 0).pow(2).sum((0, 1)) / n
    return mean, variance, n


def update_running(running, mean, variance, count, keep=0.9):
    old_mean, old_variance = running
    new_mean = keep * old_mean + (1 - keep) * mean
    new_variance = old_variance
    if count > 1:
        new_variance = keep * old_variance + (1 - keep) * variance * count / (count - 1)
    return new_mean, new_variance
