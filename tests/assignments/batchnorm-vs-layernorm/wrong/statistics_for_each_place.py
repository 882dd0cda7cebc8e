"""Takes the mean over the texts only, one for each place."""
# score: 19
# caught by: hidden_word_statistics
# cell: statistics
def word_statistics(x, lengths):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mask = is_word(lengths, x.shape[1]).unsqueeze(-1)
    n = int(lengths.sum())
    at_place = mask.sum(0).clamp(min=1)
    mean = x.masked_fill(~mask, 0).sum(0) / at_place
    variance = (x - mean).masked_fill(~mask, 0).pow(2).sum(0) / at_place
    return mean, variance, n


def update_running(running, mean, variance, count, keep=0.9):
    if count < 2:
        return running
    old_mean, old_variance = running
    new_mean = keep * old_mean + (1 - keep) * mean
    new_variance = keep * old_variance + (1 - keep) * variance * count / (count - 1)
    return new_mean, new_variance
