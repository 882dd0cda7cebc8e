"""The course library's interval for m/n in place of whole numbers, and its ratio of weights."""

# score: 22
# caught by: test_rule
# cell: rule
RULE = (5.0, 10.0)


def rule_interval(true_weight, pseudo_weight):
    low, high = RULE
    return low * true_weight / pseudo_weight, high * true_weight / pseudo_weight


def rule(n, w_true, w_pseudo):
    counts = rule_interval(w_true, w_pseudo)
    return {
        "counts": counts,
        "pooled": tuple(m * w_pseudo / (n * w_true) for m in counts),
        "separate": (w_pseudo / w_true, w_pseudo / w_true),
    }
