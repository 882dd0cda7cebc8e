"""Fills one class after the other: the first ones take texts that a later class is surer of."""


# score: 23
# caught by: hidden_quota
# cell: quota
def quota(probabilities, shares, total):
    chosen = torch.full((len(probabilities),), -1)
    for c in range(len(shares)):
        room = int(total * float(shares[c]) + 0.5)
        order = probabilities[:, c].masked_fill(chosen >= 0, -1).argsort(descending=True, stable=True)
        chosen[order[:room]] = c
    return chosen
