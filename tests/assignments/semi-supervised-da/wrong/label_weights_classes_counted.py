"""Counts only as many classes as the labels show, so a missing highest class breaks it."""


# score: 24
# caught by: hidden_label_weights
# cell: label_weights
def label_weights(labels, shares, limit=math.inf):
    offline = torch.bincount(labels).double() / len(labels)
    weights = (shares.double() / offline).clamp(max=limit)[labels]
    return weights / weights.mean()
