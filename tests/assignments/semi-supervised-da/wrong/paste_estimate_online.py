"""The course library's estimate, which knows no strength."""


# score: 22
# caught by: test_target_shares
# cell: target_shares
def reweigh(probabilities, weights):
    scaled = probabilities * weights
    return scaled / scaled.sum(-1, keepdim=True)


def estimate_online(probabilities, offline, *, iterations=1000, tolerance=1e-8):
    online = offline
    for _ in range(iterations):
        before, online = online, reweigh(probabilities, online / offline).mean(0)
        if float((online - before).abs().max()) <= tolerance:
            break
    return online


def target_shares(probabilities, source_shares, rounds, strength=0.0):
    return estimate_online(probabilities, source_shares, iterations=rounds)
