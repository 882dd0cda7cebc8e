"""Hands the ranks to SciPy, which is refused."""


# score: 22
# caught by: hidden_rank_average
# cell: rank_average
def rank_average(scores, weights):
    from scipy.stats import rankdata

    places = rankdata(scores.double().numpy(), axis=1, nan_policy="omit")
    standing = (places - 0.5) / (~np.isnan(places)).sum(1, keepdims=True)
    w = weights.double().numpy()[:, None] * ~np.isnan(places)
    return torch.as_tensor(np.nansum(w * standing, axis=0) / w.sum(0))
