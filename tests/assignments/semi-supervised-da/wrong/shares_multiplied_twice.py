"""Repairs the probabilities that were repaired already, instead of the original ones."""


# score: 17
# caught by: hidden_target_shares
# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    shares = source_shares
    for _ in range(rounds):
        repaired = probabilities * (shares / source_shares)
        probabilities = repaired / repaired.sum(-1, keepdim=True)
        counts = probabilities.sum(0)
        shares = (counts + strength * source_shares) / (len(probabilities) + strength)
    return shares
