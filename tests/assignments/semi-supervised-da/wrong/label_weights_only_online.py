"""Weights each example by its label's share online, and forgets the share offline."""


# score: 23
# caught by: test_label_weights
# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    ratio = shares.double()
    weights = ratio.clamp(max=limit)[labels]
    return weights / weights.mean()
