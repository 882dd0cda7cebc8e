"""The course library's ranks from 0 to 1, with SciPy's rankdata, which is refused."""

# score: 22
# caught by: hidden_rank_average
# cell: rank_average
from scipy.stats import rankdata


def rank_average(scores, weights):
    s, w = scores.double().numpy(), weights.double().numpy()
    places = (rankdata(s, axis=1) - 1) / (s.shape[1] - 1)
    return torch.as_tensor(w / w.sum() @ places)
