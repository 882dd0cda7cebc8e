"""The output is put back with the order instead of its inverse, which nobody sees for a swap."""
# score: 25
# caught by: hidden_equivariance
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    query, key, value = x @ w_q, x @ w_k, x @ w_v
    scores = query @ key.transpose(-1, -2) / w_q.shape[1] ** 0.5
    if bias is not None:
        scores = scores + bias
    return scores.softmax(dim=-1) @ value


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    back = attention(x[order], w_q, w_k, w_v, bias)[order]
    return float((back - as_read).abs().max())
