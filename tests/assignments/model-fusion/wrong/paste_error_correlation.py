"""The course library's correlation of errors for Q, and its disagreement for the double faults."""


# score: 23
# caught by: hidden_diversity
# cell: diversity
def diversity(predicted, labels):
    said, errors = predicted.numpy(), (predicted != labels).double().numpy()
    centred = errors - errors.mean(1, keepdims=True)
    spread = np.sqrt((centred**2).mean(1))
    scale = np.outer(spread, spread)
    correlation = np.where(scale > 0, centred @ centred.T / errors.shape[1] / np.maximum(scale, 1e-12), 0.0)
    disagreement = (said[:, None] != said[None]).mean(-1)
    return {"double_fault": torch.as_tensor(disagreement), "q": torch.as_tensor(correlation)}
