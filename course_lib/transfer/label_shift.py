"""Label shift: the shares of the labels here and there, the weights that undo it, an estimate without labels.

P(y) differs between two domains while P(x | y) stays: then weighting each labelled example by q(y)/p(y)
makes the source's loss an unbiased estimate of the target's (Shimodaira 2000, for weights in general,
doi:10.1016/S0378-3758(00)00115-4). Where the target has no labels, its shares are estimated by EM from the
classifier's own probabilities (Saerens, Latinne & Decaestecker 2002, doi:10.1162/089976602753284446).
Left out: the likelihood-ratio test of that paper, which asks whether the shares differ at all.
"""

import torch
from torch import Tensor


def label_distribution(labels: Tensor, num_classes: int, *, smoothing: float = 0.0) -> Tensor:
    """The share of each class.

    Args:
        labels: (N,) integers from 0 to C - 1.
        num_classes: C, 2 or more.
        smoothing: added to each class's count, 0 or more; above 0 no share is 0.
    Returns:
        (C,) float64 that sums to 1.
    """
    if num_classes < 2:
        raise ValueError(f"num_classes must be 2 or more, got {num_classes}")
    if labels.dim() != 1 or labels.is_floating_point() or labels.dtype == torch.bool:
        raise ValueError(f"labels must be integers of shape (N,), got {labels.dtype} {tuple(labels.shape)}")
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < num_classes:
        raise ValueError(f"labels must lie in 0..{num_classes - 1}, got {sorted(set(labels.tolist()))}")
    if not smoothing >= 0 or len(labels) + smoothing == 0:
        raise ValueError(f"smoothing must be 0 or more, and above 0 without labels, got {smoothing}")
    counts = torch.bincount(labels, minlength=num_classes).double() + smoothing
    return counts / counts.sum()


def check_distribution(name: str, shares: Tensor) -> None:
    """Raise a ValueError unless `shares` is (C,), C at least 2, of 0 or more and sums to 1."""
    if shares.dim() != 1 or len(shares) < 2:
        raise ValueError(f"{name} must have shape (C,) with 2 classes or more, got {tuple(shares.shape)}")
    if not bool((shares >= 0).all()) or abs(float(shares.sum()) - 1) > 1e-6:
        raise ValueError(f"{name} must be shares of 0 or more that sum to 1, got {shares.tolist()}")


def label_weights(online: Tensor, offline: Tensor) -> Tensor:
    """What an example of each class counts, so that the offline examples stand for the online ones.

    Args:
        online: (C,) shares q(y) where the model will be used.
        offline: (C,) shares p(y) among the labelled examples; above 0 wherever q is.
    Returns:
        (C,) q(y)/p(y), and 0 for a class that neither side has; the mean over the offline examples is 1.
    """
    check_distribution("online", online)
    check_distribution("offline", offline)
    if online.shape != offline.shape:
        raise ValueError(f"offline must have online's {len(online)} classes, got {tuple(offline.shape)}")
    if bool(((offline == 0) & (online > 0)).any()):
        raise ValueError(f"offline must be above 0 for each class that is online, got {offline.tolist()}")
    return torch.where(offline > 0, online / offline.clamp(min=torch.finfo(offline.dtype).tiny), 0.0)


def reweigh(probabilities: Tensor, weights: Tensor) -> Tensor:
    """A classifier's probabilities as they would be with other shares of the labels.

    Args:
        probabilities: (N, C) P(y | x) under the offline shares.
        weights: (C,) of `label_weights`.
    Returns:
        (N, C), rows that sum to 1.
    """
    # q(y | x) ∝ q(y)/p(y) · p(y | x)   (Saerens et al., section 2)
    scaled = probabilities * weights
    return scaled / scaled.sum(-1, keepdim=True)


def estimate_online(
    probabilities: Tensor, offline: Tensor, *, iterations: int = 1000, tolerance: float = 1e-8
) -> Tensor:
    """The shares of the labels in unlabelled examples, by EM; right where P(x | y) has not changed.

    Args:
        probabilities: (M, C) P(y | x) of the unlabelled examples by a calibrated classifier, M at least 1.
        offline: (C,) shares among the examples that the classifier was trained on, all above 0.
        iterations: at most so many.
        tolerance: stop when no share moves by more.
    Returns:
        (C,) shares that sum to 1.
    """
    check_distribution("offline", offline)
    if probabilities.dim() != 2 or len(probabilities) < 1 or probabilities.shape[1] != len(offline):
        raise ValueError(
            f"probabilities must have shape (M, {len(offline)}), M at least 1, "
            f"got {tuple(probabilities.shape)}"
        )
    if not bool((offline > 0).all()):
        raise ValueError(f"offline must be above 0 for every class, got {offline.tolist()}")
    online = offline
    for _ in range(iterations):
        # E: q(y | x) with the shares so far;  M: q(y) ← mean of q(y | x)
        before, online = online, reweigh(probabilities, online / offline).mean(0)
        if float((online - before).abs().max()) <= tolerance:
            break
    return online
