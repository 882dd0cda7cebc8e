"""Divides by the number of all texts, also for a model that has scored only some."""


# score: 22
# caught by: hidden_rank_average
# cell: rank_average
def rank_average(scores, weights):
    total, heard = torch.zeros(2, scores.shape[1], dtype=torch.float64)
    for row, weight in zip(scores.double(), weights.tolist(), strict=True):
        there = ~row.isnan()
        s = row[there]
        standing = ((s[:, None] > s).double() + (s[:, None] == s).double() / 2).sum(1) / len(row)
        total[there] += weight * standing
        heard[there] += weight
    return total / heard
