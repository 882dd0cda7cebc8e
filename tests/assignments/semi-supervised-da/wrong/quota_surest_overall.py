"""Takes the surest texts with their most probable class, as the library's `most` does."""


# score: 16
# caught by: test_quota
# cell: quota
def quota(probabilities, shares, total):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)[:total]
    chosen = torch.full((len(probabilities),), -1)
    chosen[surest] = labels[surest]
    return chosen
