"""One call of NumPy's weighted average; nan spreads."""


# score: 23
# caught by: hidden_blend_missing
# cell: blend
def blend(probabilities, weights):
    return torch.as_tensor(np.average(probabilities.double().numpy(), axis=0, weights=weights.numpy()))
