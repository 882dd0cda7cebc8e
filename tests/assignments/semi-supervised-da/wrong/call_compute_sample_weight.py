"""Hands the quotients to scikit-learn's function, which is refused."""

# score: 17
# caught by: test_label_weights
# cell: label_weights
from sklearn.utils.class_weight import compute_sample_weight


def label_weights(labels, shares, limit=math.inf):
    offline = torch.bincount(labels, minlength=len(shares)).double() / len(labels)
    quotient = {c: min(float(shares[c] / offline[c]), limit) for c in range(len(shares)) if offline[c] > 0}
    weights = torch.tensor(compute_sample_weight(quotient, labels.numpy()))
    return weights / weights.mean()
