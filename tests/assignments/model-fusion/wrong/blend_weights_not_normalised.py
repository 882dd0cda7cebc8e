"""Expects weights that sum to 1 already."""


# score: 22
# caught by: hidden_blend
# cell: blend
def blend(probabilities, weights):
    p = probabilities.double()
    return (weights.double()[:, None, None] * p.nan_to_num(1 / p.shape[-1])).sum(0)
