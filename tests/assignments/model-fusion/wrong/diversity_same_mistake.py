"""Counts only texts where both models give the same wrong class."""


# score: 23
# caught by: hidden_diversity
# cell: diversity
def diversity(predicted, labels):
    right = (predicted == labels).double()
    wrong = 1 - right
    n11, n00, n10 = right @ right.T, wrong @ wrong.T, right @ wrong.T
    bottom = n11 * n00 + n10 * n10.T
    q = torch.where(bottom > 0, (n11 * n00 - n10 * n10.T) / bottom.clamp(min=1), 0.0)
    return {"double_fault": ((predicted[:, None] == predicted) * (1 - right)).mean(-1), "q": q}
