"""Takes torch's correlation for Q."""


# score: 23
# caught by: hidden_diversity
# cell: diversity
def diversity(predicted, labels):
    right = (predicted == labels).double()
    wrong = 1 - right
    n11, n00, n10 = right @ right.T, wrong @ wrong.T, right @ wrong.T
    bottom = n11 * n00 + n10 * n10.T
    q = torch.corrcoef(wrong)
    return {"double_fault": n00 / len(labels), "q": q}
