"""Divides by the mean first and cuts afterwards."""


# score: 23
# caught by: hidden_label_weights
# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    offline = torch.bincount(labels, minlength=len(shares)).double() / len(labels)
    ratio = shares.double() / offline.clamp(min=1e-12)
    weights = ratio[labels]
    return (weights / weights.mean()).clamp(max=limit)
