"""Lets the brake pull towards the last estimate instead of the source's shares."""


# score: 23
# caught by: hidden_target_shares
# cell: target_shares
def target_shares(probabilities, source_shares, rounds, strength=0.0):
    shares = source_shares
    for _ in range(rounds):
        repaired = probabilities * (shares / source_shares)
        counts = (repaired / repaired.sum(-1, keepdim=True)).sum(0)
        shares = (counts + strength * shares) / (len(probabilities) + strength)
    return shares
