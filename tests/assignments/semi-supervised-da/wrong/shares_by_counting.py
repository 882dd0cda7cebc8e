"""Counts the most probable classes: the wrong expectation stays in."""


# score: 19
# caught by: test_target_shares
# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    if rounds == 0:
        return source_shares
    counts = torch.bincount(probabilities.argmax(-1), minlength=len(source_shares)).double()
    return (counts + strength * source_shares) / (len(probabilities) + strength)
