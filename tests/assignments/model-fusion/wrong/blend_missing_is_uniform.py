"""Fills a missing prediction with 1/C and lets it keep its weight."""


# score: 23
# caught by: hidden_blend_missing
# cell: blend
def blend(probabilities, weights):
    w = weights.double() / weights.double().sum()
    return (w[:, None, None] * probabilities.double().nan_to_num(1 / probabilities.shape[-1])).sum(0)
