"""Reads the rule with W2/W1 in place of W1/W2."""


# score: 23
# caught by: hidden_rule_counts
# cell: rule
def rule(n, w_true, w_pseudo):
    counts = math.ceil(5 * n * w_pseudo / w_true - 1e-9), math.floor(10 * n * w_pseudo / w_true + 1e-9)
    pooled = tuple(m * w_pseudo / (n * w_true + m * w_pseudo) for m in counts)
    return {"counts": counts, "pooled": pooled, "separate": (w_pseudo / (w_true + w_pseudo),) * 2}
