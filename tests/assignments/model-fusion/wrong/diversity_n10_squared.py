"""Takes the square of n10 for the product of n10 and n01."""


# score: 24
# caught by: hidden_diversity
# cell: diversity
def diversity(predicted, labels):
    right = (predicted == labels).double()
    wrong = 1 - right
    n11, n00, n10 = right @ right.T, wrong @ wrong.T, right @ wrong.T
    n10 = n10 + 0.0
    bottom = n11 * n00 + n10 * n10
    q = torch.where(bottom > 0, (n11 * n00 - n10 * n10) / bottom.clamp(min=1), 0.0)
    return {"double_fault": n00 / len(labels), "q": q}
