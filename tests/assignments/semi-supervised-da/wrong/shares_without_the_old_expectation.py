"""Multiplies by the new shares, and forgets to divide by the ones the classifier was trained with."""


# score: 20
# caught by: hidden_target_shares
# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    shares = source_shares
    for _ in range(rounds):
        repaired = probabilities * shares
        counts = (repaired / repaired.sum(-1, keepdim=True)).sum(0)
        shares = (counts + strength * source_shares) / (len(probabilities) + strength)
    return shares
