"""Diversity: how differently models err, and what exactly that buys.

Krogh & Vedelsby 1995, "Neural Network Ensembles, Cross Validation, and Active Learning", NIPS 7: the squared
error of an average is the members' mean error minus their ambiguity, the spread around the average. Heskes
1998, "Selecting Weighting Factors in Logarithmic Opinion Pools", NIPS 10, gives the same for the log loss of
a geometric average. Both are identities, not bounds: they hold for every example.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from course_lib.ensemble.averaging import average, geometric_average
from course_lib.ensemble.checks import labels_of, probabilities_of, weights_of


class Decomposition(NamedTuple):
    """ensemble = members - ambiguity, for each example (N,)."""

    ensemble: np.ndarray
    members: np.ndarray
    ambiguity: np.ndarray


def squared_error(
    probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None
) -> Decomposition:
    """The squared error (Brier score) of the arithmetic average, taken apart.

    Args:
        probabilities: (M, N, C). labels: (N,) true classes. weights: (M,) shares, equal if not given.
    """
    p = probabilities_of(probabilities)
    w, target = weights_of(weights, len(p)), np.eye(p.shape[2])[labels_of(labels, *p.shape[1:])]
    pooled = average(p, w)
    # ‖p̄ − t‖² = Σ_m w_m ‖p_m − t‖² − Σ_m w_m ‖p_m − p̄‖²
    return Decomposition(
        ((pooled - target) ** 2).sum(-1),
        w @ ((p - target) ** 2).sum(-1),
        w @ ((p - pooled) ** 2).sum(-1),
    )


def log_loss(probabilities: ArrayLike, labels: ArrayLike, weights: ArrayLike | None = None) -> Decomposition:
    """The log loss of the geometric average, taken apart.

    Args:
        probabilities: (M, N, C), all above 0. labels: (N,) true classes. weights: (M,) shares.
    Raises:
        ValueError: also for a probability of 0, whose logarithm is infinite.
    """
    p = probabilities_of(probabilities)
    if p.min() <= 0:
        raise ValueError("probabilities must be above 0, got 0: clip them first")
    w, y = weights_of(weights, len(p)), labels_of(labels, *p.shape[1:])
    pooled, rows = geometric_average(p, w), np.arange(len(y))
    # −log p̄(y) = Σ_m w_m (−log p_m(y)) − Σ_m w_m KL(p̄ ‖ p_m)
    return Decomposition(
        -np.log(pooled[rows, y]),
        w @ -np.log(p[:, rows, y]),
        w @ (pooled * (np.log(pooled) - np.log(p))).sum(-1),
    )


def error_correlation(predicted: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """Pearson's correlation of the models' errors (1 wrong, 0 right), pair by pair.

    Args:
        predicted: (M, N) classes.
        labels: (N,) true classes.
    Returns:
        (M, M) symmetric, 1 on the diagonal. A model that is always right, or always wrong, has errors
        that vary with nothing: its correlations with others are 0.
    """
    wrong = _errors(predicted, labels)
    centred = wrong - wrong.mean(1, keepdims=True)
    scale = np.sqrt((centred**2).sum(1))
    # ρ_jm = Σ_n (e_jn − ē_j)(e_mn − ē_m) / (‖e_j − ē_j‖ ‖e_m − ē_m‖)
    table = centred @ centred.T / np.where(scale > 0, scale, 1) / np.where(scale > 0, scale, 1)[:, None]
    np.fill_diagonal(table, 1.0)
    return table


def disagreement(predicted: ArrayLike) -> np.ndarray:
    """Share of examples about which two models say different things, (M, M), 0 on the diagonal.

    Args:
        predicted: (M, N) classes. It needs no labels, so it can be measured on a test set.
    """
    each = np.asarray(predicted)
    if each.ndim != 2 or each.size == 0:
        raise ValueError(f"predicted must be (models, examples), none of them 0, got {each.shape}")
    return (each[:, None] != each[None]).mean(-1)


def mean_of_pairs(table: ArrayLike) -> float:
    """The mean over the pairs of different models of an (M, M) table, M at least 2."""
    square = np.asarray(table, dtype=np.float64)
    if square.ndim != 2 or square.shape[0] != square.shape[1] or len(square) < 2:
        raise ValueError(f"table must be (M, M) with M >= 2, got {square.shape}")
    return float(square[~np.eye(len(square), dtype=bool)].mean())


def _errors(predicted: ArrayLike, labels: ArrayLike) -> np.ndarray:
    each, truth = np.asarray(predicted), np.asarray(labels)
    if each.ndim != 2 or each.size == 0 or truth.shape != each.shape[1:]:
        raise ValueError(
            "predicted must be (models, examples) with one label an example, "
            f"got {each.shape} and {truth.shape}"
        )
    return (each != truth).astype(np.float64)
