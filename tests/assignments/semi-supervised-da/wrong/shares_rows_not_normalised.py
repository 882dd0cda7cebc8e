"""Leaves out that each repaired row has to sum to 1 again."""


# score: 16
# caught by: test_target_shares
# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    shares = source_shares
    for _ in range(rounds):
        counts = (probabilities * (shares / source_shares)).sum(0)
        counts = counts / counts.sum() * len(probabilities)
        shares = (counts + strength * source_shares) / (len(probabilities) + strength)
    return shares
