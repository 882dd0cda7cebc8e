"""Fills a class only with texts whose most probable class it is, so a shunned class stays empty."""


# score: 22
# caught by: test_quota
# cell: quota
def quota(probabilities, shares, total):
    confidence, labels = probabilities.max(-1)
    chosen = torch.full((len(probabilities),), -1)
    for c in range(len(shares)):
        room = int(total * float(shares[c]) + 0.5)
        order = confidence.masked_fill(labels != c, -1).argsort(descending=True, stable=True)[:room]
        chosen[order[labels[order] == c]] = c
    return chosen
