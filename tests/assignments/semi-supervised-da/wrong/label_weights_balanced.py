"""Balances the classes, whatever their shares online are."""


# score: 24
# caught by: hidden_label_weights
# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    offline = torch.bincount(labels, minlength=len(shares)).double() / len(labels)
    ratio = 1 / (len(shares) * offline.clamp(min=1e-12))
    weights = ratio.clamp(max=limit)[labels]
    return weights / weights.mean()
