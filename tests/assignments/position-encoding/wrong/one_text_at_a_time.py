"""The keys are transposed with .T, which turns a batch inside out."""
# score: 25
# caught by: hidden_attention
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    query, key, value = x @ w_q, x @ w_k, x @ w_v
    scores = query @ key.T / w_q.shape[1] ** 0.5
    if bias is not None:
        scores = scores + bias
    return scores.softmax(dim=-1) @ value


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    reordered = attention(x[order], w_q, w_k, w_v, bias)
    return float((reordered - as_read[order]).abs().max())
