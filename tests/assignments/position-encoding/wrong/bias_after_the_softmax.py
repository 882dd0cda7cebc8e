"""The bias is added to the weights instead of the scores."""
# score: 21
# caught by: test_attention
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    query, key, value = x @ w_q, x @ w_k, x @ w_v
    weights = (query @ key.transpose(-1, -2) / w_q.shape[1] ** 0.5).softmax(dim=-1)
    if bias is not None:
        weights = weights + bias
    return weights @ value


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    reordered = attention(x[order], w_q, w_k, w_v, bias)
    return float((reordered - as_read[order]).abs().max())
