"""PyTorch's own attention does the work."""
# score: 21
# caught by: test_attention
# cell: attention
def attention(x, w_q, w_k, w_v, bias=None):
    query, key, value = x @ w_q, x @ w_k, x @ w_v
    return torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)


def equivariance_gap(x, w_q, w_k, w_v, order, bias=None):
    as_read = attention(x, w_q, w_k, w_v, bias)
    reordered = attention(x[order], w_q, w_k, w_v, bias)
    return float((reordered - as_read[order]).abs().max())
