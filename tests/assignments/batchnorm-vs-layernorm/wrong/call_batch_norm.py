"""Gathers the words and calls torch's batch norm."""
# score: 19
# caught by: hidden_batch_forward
# cell: batch_forward
from torch.nn.functional import batch_norm as norm


def batch_forward(x, lengths, gain, shift, running, training, keep=0.9, eps=1e-5):
    words = is_word(lengths, x.shape[1])
    mean, variance = running[0].clone(), running[1].clone()
    enough = training and int(lengths.sum()) > 1
    wide = x.float() if x.dtype == torch.float16 else x
    z, y = torch.zeros_like(wide), torch.zeros_like(wide)
    if enough or not training:
        z[words] = norm(wide[words], mean, variance, None, None, training, 1 - keep, eps)
    r = 1 / torch.sqrt((wide[words].var(0, correction=0) if training else variance) + eps)
    y[words] = z[words] * gain + shift
    return y.to(x.dtype), z, r, (mean, variance)
