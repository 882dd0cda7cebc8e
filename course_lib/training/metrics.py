"""Figures of merit as pure functions of predictions.

Classification (accuracy, macro-averaged F1), language modelling (perplexity) and rank correlation
(Spearman 1904). Every one says what it does with the cases that its formula leaves open.
"""

import math

import numpy as np
from numpy.typing import ArrayLike


def accuracy(predicted: ArrayLike, true: ArrayLike) -> float:
    """Share of equal labels, from 0 to 1.

    Args:
        predicted: (N,) labels, N at least 1.
        true: (N,) labels.
    Raises:
        ValueError: for shapes that differ, or no labels.
    """
    guess, truth = _labels(predicted, true)
    return float((guess == truth).mean())


def confusion(predicted: ArrayLike, true: ArrayLike, num_classes: int) -> np.ndarray:
    """How often each true class was given each label.

    Args:
        predicted: (N,) integers from 0 to num_classes - 1.
        true: (N,) likewise.
        num_classes: C.
    Returns:
        (C, C) int64, rows are true classes.
    Raises:
        ValueError: for shapes that differ, or labels outside the classes.
    """
    guess, truth = _labels(predicted, true)
    for name, labels in (("predicted", guess), ("true", truth)):
        if labels.min() < 0 or labels.max() >= num_classes:
            raise ValueError(
                f"{name} must be from 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}"
            )
    cells = np.bincount(truth.astype(np.int64) * num_classes + guess, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes)


def f1_by_class(predicted: ArrayLike, true: ArrayLike, num_classes: int) -> np.ndarray:
    """F1 of each class: the harmonic mean of precision and recall.

    Args:
        predicted: (N,) integers from 0 to num_classes - 1.
        true: (N,) likewise.
        num_classes: C.
    Returns:
        (C,) float64; 0 for a class that occurs neither in `true` nor in `predicted`.
    """
    table = confusion(predicted, true, num_classes)
    # F₁ = 2·TP / (2·TP + FP + FN), whose denominator is (predicted + true occurrences)
    marked = table.sum(axis=0) + table.sum(axis=1)
    return 2 * table.diagonal() / np.maximum(marked, 1)


def macro_f1(predicted: ArrayLike, true: ArrayLike, num_classes: int) -> float:
    """Mean F1 over the classes that occur in `true` or `predicted`, each with the same weight.

    Args:
        predicted: (N,) integers from 0 to num_classes - 1.
        true: (N,) likewise.
        num_classes: C.
    """
    table = confusion(predicted, true, num_classes)
    occurs = (table.sum(axis=0) + table.sum(axis=1)) > 0
    return float(f1_by_class(predicted, true, num_classes)[occurs].mean())


def perplexity(total_nll: float, count: int) -> float:
    """exp of the mean negative log-likelihood, infinite where that overflows.

    Args:
        total_nll: -Σ ln p over all predicted tokens, in nats, 0 or more.
        count: number of those tokens, 1 or more (padding does not count).
    Raises:
        ValueError: for a count below 1 or a likelihood that is no number.
    """
    if count < 1:
        raise ValueError(f"count must be 1 or more, got {count}")
    if math.isnan(total_nll) or total_nll < 0:
        raise ValueError(f"total_nll must be 0 or more, got {total_nll}")
    # PPL = exp(−1/N · Σ ln p)
    mean = total_nll / count
    return math.exp(mean) if mean < 709 else math.inf


def spearman(predicted: ArrayLike, true: ArrayLike) -> float:
    """Spearman's rank correlation, from -1 to 1; ties share their mean rank.

    Args:
        predicted: (N,) scores, at least 2.
        true: (N,) scores.
    Returns:
        0 where one side is constant, so that a model without any opinion gets no credit.
    Raises:
        ValueError: for shapes that differ, fewer than 2 scores, or scores that are not finite.
    """
    from scipy.stats import rankdata

    a, b = (np.asarray(values, dtype=np.float64) for values in (predicted, true))
    if a.shape != b.shape or a.ndim != 1 or len(a) < 2:
        raise ValueError(
            f"predicted must have the shape of true, (N,) with N >= 2, got {a.shape} and {b.shape}"
        )
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise ValueError("predicted and true must be finite numbers, got NaN or infinity")
    ranks = [rankdata(values) - (len(values) + 1) / 2 for values in (a, b)]
    # ρ = cov(rank a, rank b) / (σ·σ)
    norm = math.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum())
    return float(ranks[0] @ ranks[1] / norm) if norm > 0 else 0.0


def _labels(predicted: ArrayLike, true: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    guess, truth = np.asarray(predicted), np.asarray(true)
    if guess.shape != truth.shape or guess.ndim != 1 or guess.size == 0:
        raise ValueError(
            f"predicted must have the shape of true, (N,) with N >= 1, got {guess.shape} and {truth.shape}"
        )
    return guess, truth
