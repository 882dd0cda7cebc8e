"""Averages logarithms and makes probabilities of them: a geometric mean."""


# score: 22
# caught by: hidden_blend
# cell: blend
def blend(probabilities, weights):
    p, w = probabilities.double(), weights.double()
    there = ~p.isnan().any(-1)
    w = w[:, None] * there
    total = w.sum(0)[:, None]
    logs = (w[..., None] * p.nan_to_num(1.0).clamp(min=1e-9).log()).sum(0) / total.clamp(min=1e-300)
    return logs.softmax(-1)
