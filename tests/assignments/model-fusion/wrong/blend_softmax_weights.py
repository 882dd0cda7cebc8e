"""Makes the weights sum to 1 with a softmax."""


# score: 22
# caught by: hidden_blend
# cell: blend
def blend(probabilities, weights):
    p, w = probabilities.double(), weights.double()
    there = ~p.isnan().any(-1)
    w = w.softmax(0)[:, None] * there
    total = w.sum(0)[:, None]
    mean = (w[..., None] * p.nan_to_num()).sum(0) / total.clamp(min=1e-300)
    return torch.where(total > 0, mean, 1 / p.shape[-1])
