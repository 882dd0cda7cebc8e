"""Takes padding for words."""
# score: 18
# caught by: hidden_word_statistics
# cell: statistics
def word_statistics(x, lengths):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    n = int(lengths.sum())
    mean, variance = x.mean((0, 1)), x.var((0, 1), correction=0)
    return mean, variance, n


def update_running(running, mean, variance, count, keep=0.9):
    if count < 2:
        return running
    old_mean, old_variance = running
    new_mean = keep * old_mean + (1 - keep) * mean
    new_variance = keep * old_variance + (1 - keep) * variance * count / (count - 1)
    return new_mean, new_variance
