"""The bias is reordered along with the words, so nothing ever changes."""
# score: 24
# caught by: test_equivariance
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    query, key, value = x @ w_q, x @ w_k, x @ w_v
    scores = query @ key.transpose(-1, -2) / w_q.shape[1] ** 0.5
    if bias is not None:
        scores = scores + bias
    return scores.softmax(dim=-1) @ value


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    moved = None if bias is None else bias[order][:, order]
    return float((attention(x[order], w_q, w_k, w_v, moved) - as_read[order]).abs().max())
