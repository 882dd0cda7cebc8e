"""Returns the ratio of the two weights instead of a share."""


# score: 23
# caught by: hidden_rule_shares
# cell: rule
def rule(n, w_true, w_pseudo):
    counts = math.ceil(5 * n * w_true / w_pseudo - 1e-9), math.floor(10 * n * w_true / w_pseudo + 1e-9)
    pooled = tuple(m * w_pseudo / (n * w_true) for m in counts)
    return {"counts": counts, "pooled": pooled, "separate": (w_pseudo / w_true,) * 2}
