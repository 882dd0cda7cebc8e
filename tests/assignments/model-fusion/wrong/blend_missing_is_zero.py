"""Counts a missing prediction as zeros: the row no longer sums to 1."""


# score: 23
# caught by: hidden_blend_missing
# cell: blend
def blend(probabilities, weights):
    w = weights.double() / weights.double().sum()
    return (w[:, None, None] * probabilities.double().nan_to_num()).sum(0)
