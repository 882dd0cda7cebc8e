"""Takes a missing score for the lowest one."""


# score: 22
# caught by: hidden_rank_average
# cell: rank_average
def rank_average(scores, weights):
    s = scores.double().nan_to_num(-1e300)
    below = (s[:, :, None] > s[:, None, :]).double() + (s[:, :, None] == s[:, None, :]).double() / 2
    return weights.double() @ below.mean(-1) / weights.sum()
