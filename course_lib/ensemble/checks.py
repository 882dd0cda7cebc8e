"""What every way of fusing asks of its input: predictions of M models about the same N examples."""

import numpy as np
from numpy.typing import ArrayLike


def probabilities_of(probabilities: ArrayLike, name: str = "probabilities") -> np.ndarray:
    """Float64 (M, N, C) distributions over C classes.

    Raises:
        ValueError: for another number of dimensions, an empty one, numbers outside 0..1, or rows that do not
            sum to 1.
    """
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 3 or p.size == 0:
        raise ValueError(f"{name} must be (models, examples, classes), none of them 0, got {p.shape}")
    if not np.isfinite(p).all() or p.min() < 0 or np.abs(p.sum(-1) - 1).max() > 1e-4:
        raise ValueError(f"{name} must be distributions: 0 or more, each row with the sum 1")
    return p


def labels_of(labels: ArrayLike, n: int, num_classes: int, name: str = "labels") -> np.ndarray:
    """Int64 (N,) classes from 0 to C - 1.

    Raises:
        ValueError: for another shape, numbers that are not whole, or classes outside the range.
    """
    y = np.asarray(labels)
    if y.shape != (n,) or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"{name} must be {n} integers, got {y.dtype} of shape {y.shape}")
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(f"{name} must lie in 0..{num_classes - 1}, got {y.min()}..{y.max()}")
    return y.astype(np.int64)


def classes_of(labels: ArrayLike, name: str = "labels") -> np.ndarray:
    """Int64 (N,) classes of 0 or more, N at least 1; how many classes there are is not known.

    Raises:
        ValueError: for another shape, no label, or numbers that are not whole or below 0.
    """
    y = np.asarray(labels)
    if y.ndim != 1 or y.size == 0 or not np.issubdtype(y.dtype, np.integer) or y.min() < 0:
        raise ValueError(
            f"{name} must be one or more integers of 0 or more, got {y.dtype} of shape {y.shape}"
        )
    return y.astype(np.int64)


def weights_of(weights: ArrayLike | None, models: int) -> np.ndarray:
    """Float64 (M,) shares with the sum 1; equal ones if not given.

    Raises:
        ValueError: for another number of weights, one below 0, or nothing but zeros.
    """
    if weights is None:
        return np.full(models, 1 / models)
    w = np.asarray(weights, dtype=np.float64)
    if w.shape != (models,):
        raise ValueError(f"weights must be one for each of {models} models, got shape {w.shape}")
    if not np.isfinite(w).all() or w.min() < 0 or w.sum() <= 0:
        raise ValueError(f"weights must be 0 or more, one of them above 0, got {w.tolist()}")
    return w / w.sum()
