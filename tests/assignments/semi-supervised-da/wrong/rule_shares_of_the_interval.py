"""Computes the pooled shares from 5 and 10 rather than from the whole numbers m."""


# score: 24
# caught by: hidden_rule_shares
# cell: rule
def rule(n, w_true, w_pseudo):
    counts = math.ceil(5 * n * w_true / w_pseudo - 1e-9), math.floor(10 * n * w_true / w_pseudo + 1e-9)
    pooled = tuple(k / (1 + k) for k in (5, 10))
    return {"counts": counts, "pooled": pooled, "separate": (w_pseudo / (w_true + w_pseudo),) * 2}
