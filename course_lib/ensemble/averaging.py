"""Averages of what several models say: of probabilities, of their logarithms, or of ranks.

Arithmetic and geometric pooling of distributions: Genest & Zidek 1986, "Combining Probability
Distributions", doi:10.1214/ss/1177013825. The arithmetic mean keeps a class alive if one model believes in
it; the geometric one is what averaging logits does, and gives each model a veto. Ranks forget a model's
scale, for scores that are not comparable; what is left orders the examples and is no probability.
"""

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from course_lib.ensemble.checks import probabilities_of, weights_of


def average(probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """The (weighted) arithmetic mean of distributions; its argmax is a "soft vote".

    Args:
        probabilities: (M, N, C) of M models, N examples, C classes.
        weights: (M,) 0 or more, scaled to the sum 1; equal if not given.
    Returns:
        (N, C), rows with the sum 1.
    Raises:
        ValueError: for input that is no distribution, or bad weights.
    """
    p = probabilities_of(probabilities)
    # p̄ = Σ_m w_m p_m
    return np.einsum("m,mnc->nc", weights_of(weights, len(p)), p)


def geometric_average(probabilities: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """The (weighted) geometric mean of distributions, scaled to the sum 1.

    Args:
        probabilities: (M, N, C). weights: (M,), as in `average`; a model of weight 0 has no veto.
    Returns:
        (N, C), rows with the sum 1.
    Raises:
        ValueError: also where the models leave no class of an example above 0.
    """
    p = probabilities_of(probabilities)
    w = weights_of(weights, len(p))
    with np.errstate(divide="ignore"):
        # log p̄ = Σ_m w_m log p_m − log Z
        logs = np.tensordot(w[w > 0], np.log(p[w > 0]), axes=1)  # (N, C)
    top = logs.max(-1, keepdims=True)
    if np.isneginf(top).any():
        raise ValueError("probabilities must leave each example a class to which all models give more than 0")
    pooled = np.exp(logs - top)
    return pooled / pooled.sum(-1, keepdims=True)


def rank_average(scores: ArrayLike, weights: ArrayLike | None = None) -> np.ndarray:
    """The (weighted) mean of the places that each model gives the examples.

    Args:
        scores: (M, N) one score for each example, higher is more; on any scale, of N at least 2 examples.
        weights: (M,), as in `average`.
    Returns:
        (N,) from 0 (last for every model) to 1 (first for every model); ties share their mean place.
    Raises:
        ValueError: for another shape, fewer than two examples, or scores that are not finite.
    """
    s = np.asarray(scores, dtype=np.float64)
    if s.ndim != 2 or len(s) == 0 or s.shape[1] < 2:
        raise ValueError(f"scores must be (models, examples) with two examples or more, got {s.shape}")
    if not np.isfinite(s).all():
        raise ValueError("scores must be finite, got NaN or infinity")
    places = (rankdata(s, axis=1) - 1) / (s.shape[1] - 1)  # (M, N)
    return weights_of(weights, len(s)) @ places
