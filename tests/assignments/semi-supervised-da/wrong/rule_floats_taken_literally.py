"""Rounds outward ends correctly, and lets the last digit of a float decide."""


# score: 24
# caught by: hidden_rule_counts
# cell: rule
def rule(n, w_true, w_pseudo):
    counts = math.ceil(5 * n * w_true / w_pseudo), math.floor(10 * n * w_true / w_pseudo)
    pooled = tuple(m * w_pseudo / (n * w_true + m * w_pseudo) for m in counts)
    return {"counts": counts, "pooled": pooled, "separate": (w_pseudo / (w_true + w_pseudo),) * 2}
