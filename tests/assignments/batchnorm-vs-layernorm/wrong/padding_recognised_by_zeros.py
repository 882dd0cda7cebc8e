"""Takes every place that holds zeros for padding, and no other."""
# score: 20
# caught by: hidden_word_statistics
# cell: statistics
def word_statistics(x, lengths):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mask = (x != 0).any(-1, keepdim=True)
    n = int(mask.sum())
    mean = x.masked_fill(~mask, 0).sum((0, 1)) / n
    variance = (x - mean).masked_fill(~mask, 0).pow(2).sum((0, 1)) / n
    return mean, variance, n


def update_running(running, mean, variance, count, keep=0.9):
    if count < 2:
        return running
    old_mean, old_variance = running
    new_mean = keep * old_mean + (1 - keep) * mean
    new_variance = keep * old_variance + (1 - keep) * variance * count / (count - 1)
    return new_mean, new_variance
