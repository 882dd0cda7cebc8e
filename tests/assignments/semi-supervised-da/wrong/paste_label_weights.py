"""The course library's quotient, one number a class; it refuses a class that is online only."""


# score: 17
# caught by: test_label_weights
# cell: label_weights
def label_distribution(labels, num_classes):
    counts = torch.bincount(labels, minlength=num_classes).double()
    return counts / counts.sum()


def label_weights(labels, shares, limit=math.inf):
    online, offline = shares, label_distribution(labels, len(shares))
    return torch.where(offline > 0, online / offline.clamp(min=torch.finfo(offline.dtype).tiny), 0.0)
