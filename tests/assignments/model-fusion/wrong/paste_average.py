"""The course library's average, which knows no missing prediction."""


# score: 23
# caught by: hidden_blend_missing
# cell: blend
def blend(probabilities, weights):
    p, w = probabilities.double().numpy(), weights.double().numpy()
    return torch.as_tensor(np.tensordot(w / w.sum(), p, axes=1))
