"""Weights for an average, fitted on held-out predictions.

`fit_weights` maximises the likelihood of a mixture whose components are fixed: the EM of Dempster, Laird &
Rubin 1977, known in language modelling as deleted interpolation (Jelinek & Mercer 1980). The problem is
concave, so what it finds is the best, and it says when it is there. `select` is the greedy ensemble
selection of Caruana et al. 2004, "Ensemble Selection from Libraries of Models", doi:10.1145/1015330.1015432,
which works for any metric. Both must see predictions about examples that the models were not trained on.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from course_lib.ensemble.checks import labels_of, probabilities_of
from course_lib.training.metrics import accuracy

Metric = Callable[[np.ndarray, np.ndarray], float]
"""(N, C) probabilities and (N,) labels to a figure, higher is better."""


def fit_weights(
    probabilities: ArrayLike, labels: ArrayLike, *, tolerance: float = 1e-6, steps: int = 50_000
) -> np.ndarray:
    """The weights of `average` under which held-out labels are most probable.

    Args:
        probabilities: (M, N, C) about examples that no model was trained on.
        labels: (N,) their true classes.
        tolerance: stop when no other weights can be better by more, in nats an example.
        steps: stop after so many rounds in any case.
    Returns:
        (M,) 0 or more, with the sum 1.
    Raises:
        ValueError: where all models call a true label impossible: no weights can mend that.
    """
    p = probabilities_of(probabilities)
    y = labels_of(labels, p.shape[1], p.shape[2])
    of_truth = p[:, np.arange(len(y)), y]  # (M, N)
    if missed := int((of_truth.max(0) == 0).sum()):
        raise ValueError(
            f"probabilities must give each true label more than 0 in some model, got {missed} labels without"
        )
    w = np.full(len(p), 1 / len(p))
    for _ in range(steps):
        # g_m = 1/N Σ_n p_mn(y_n) / Σ_j w_j p_jn(y_n): the gradient of the mean log-likelihood
        g = (of_truth / (w @ of_truth)).mean(1)
        # concave: what is missing to the optimum is at most max_m g_m − Σ_m w_m g_m, and that sum is 1
        if g.max() - 1 <= tolerance:
            break
        w = w * g  # E step and M step in one
    return w / w.sum()


def log_score(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Mean log-probability of the true labels, at most 0; a label called impossible counts as e^-50."""
    return float(np.log(np.maximum(probabilities[np.arange(len(labels)), labels], np.exp(-50))).mean())


def hit_rate(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy of the most probable class."""
    return accuracy(probabilities.argmax(-1), labels)


def select(
    probabilities: ArrayLike, labels: ArrayLike, *, rounds: int = 50, metric: Metric = log_score
) -> np.ndarray:
    """Greedy ensemble selection with replacement: add the model that helps the average most, again and again.

    The average with the best metric on the way is kept (section 2); so it is never worse on these examples
    than the best single model.

    Args:
        probabilities: (M, N, C) about examples that no model was trained on.
        labels: (N,) their true classes.
        rounds: additions, 1 or more.
        metric: what to raise.
    Returns:
        (M,) how often each model was taken, as shares.
    """
    p = probabilities_of(probabilities)
    y = labels_of(labels, p.shape[1], p.shape[2])
    if rounds < 1:
        raise ValueError(f"rounds must be 1 or more, got {rounds}")
    total, counts = np.zeros(p.shape[1:]), np.zeros(len(p))
    best, best_counts = -np.inf, counts
    for size in range(1, rounds + 1):
        reached = [metric((total + each) / size, y) for each in p]
        chosen = int(np.argmax(reached))
        total, counts = total + p[chosen], counts + (np.arange(len(p)) == chosen)
        if reached[chosen] > best:
            best, best_counts = reached[chosen], counts
    return best_counts / best_counts.sum()
