"""course_lib's attention functions, pasted: they want queries and keys, not words and matrices."""
# score: 21
# caught by: test_attention
# cell: attention
def dot_scores(query, key):
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"key must be as wide as query ({query.shape[-1]}), got {key.shape[-1]}")
    return query @ key.transpose(-2, -1)


def scaled_dot_scores(query, key):
    return dot_scores(query, key) / math.sqrt(query.shape[-1])


def attend(scores, value, mask=None):
    weights = torch.softmax(scores, dim=-1)
    return weights @ value, weights


attention = attend


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    reordered = attention(x[order], w_q, w_k, w_v, bias)
    return float((reordered - as_read[order]).abs().max())
