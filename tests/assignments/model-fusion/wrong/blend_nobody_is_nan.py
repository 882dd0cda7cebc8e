"""Divides by the weights that are there, also where there are none."""


# score: 24
# caught by: hidden_blend_missing
# cell: blend
def blend(probabilities, weights):
    p, w = probabilities.double(), weights.double()
    there = ~p.isnan().any(-1)
    w = w[:, None] * there
    total = w.sum(0)[:, None]
    mean = (w[..., None] * p.nan_to_num()).sum(0) / total.clamp(min=1e-300)
    return (w[..., None] * p.nan_to_num()).sum(0) / total
