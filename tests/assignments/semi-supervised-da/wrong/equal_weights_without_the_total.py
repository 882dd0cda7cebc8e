"""Divides by n and by m, and forgets that the pooled loss divides by n + m once more."""


# score: 24
# caught by: hidden_equal_weights
# cell: equal_weights
def equal_weights(is_pseudo, w_true, w_pseudo):
    n, m = int((~is_pseudo).sum()), int(is_pseudo.sum())
    return torch.where(is_pseudo, w_pseudo / max(m, 1), w_true / max(n, 1)).double()
