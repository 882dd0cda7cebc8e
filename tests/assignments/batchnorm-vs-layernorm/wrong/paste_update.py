"""Pastes how the course library's `BatchNorm` updates its running statistics, with keep for the momentum."""
# score: 18
# caught by: hidden_running
# cell: statistics
def word_statistics(x, lengths):
    x = x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
    mask = is_word(lengths, x.shape[1]).unsqueeze(-1)
    n = int(lengths.sum())
    mean = x.masked_fill(~mask, 0).sum((0, 1)) / n
    variance = (x - mean).masked_fill(~mask, 0).pow(2).sum((0, 1)) / n
    return mean, variance, n


@torch.no_grad()
def update_running(running, mean, variance, count, keep=0.9):
    n = torch.as_tensor(count, device=mean.device).expand_as(mean)
    unbiased = variance * n / (n - 1).clamp(min=1)
    m = keep
    updated = []
    for old, new in zip(running, (mean, unbiased), strict=True):
        step = m * (new - old)
        updated.append(old + step)
    return tuple(updated)
