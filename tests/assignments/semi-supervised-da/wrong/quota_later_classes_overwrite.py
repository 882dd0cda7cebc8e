"""Takes the surest of each class; a text that two classes want goes to the last of them."""


# score: 23
# caught by: hidden_quota
# cell: quota
def quota(probabilities, shares, total):
    chosen = torch.full((len(probabilities),), -1)
    for c in range(len(shares)):
        room = int(total * float(shares[c]) + 0.5)
        chosen[probabilities[:, c].argsort(descending=True, stable=True)[:room]] = c
    return chosen
