"""The course library's pseudo-labels as plain labels, without sharpness."""


# score: 23
# caught by: test_pseudo_targets
# cell: pseudo_targets
def pseudo_labels(probabilities, threshold, most=None):
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)
    rows = surest[confidence[surest] >= threshold][:most].sort().values
    return rows, labels[rows], confidence[rows]


def pseudo_targets(logits, threshold, sharpness=1.0):
    rows, labels, _ = pseudo_labels(logits.softmax(-1), threshold)
    targets = torch.zeros_like(logits.detach())
    targets[rows, labels] = 1
    return targets
