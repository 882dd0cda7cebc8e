"""Divides offline by online: what is over-represented gets louder still."""


# score: 23
# caught by: test_label_weights
# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    offline = torch.bincount(labels, minlength=len(shares)).double() / len(labels)
    ratio = offline / shares.double()
    weights = ratio.clamp(max=limit)[labels]
    return weights / weights.mean()
