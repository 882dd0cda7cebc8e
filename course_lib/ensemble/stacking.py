"""Stacking: a model that learns from other models' predictions how to fuse them.

Wolpert 1992, "Stacked Generalization", doi:10.1016/S0893-6080(05)80023-1; class probabilities as its input:
Ting & Witten 1999, arXiv:1105.5466. What the second level learns from must be predictions about examples
that the first level was not trained on. They come from folds: each example is predicted by models that never
saw its fold. For new examples the first level is trained once more, on everything.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from course_lib.ensemble.checks import classes_of, probabilities_of

Predictor = Callable[[Any], np.ndarray]
"""n examples to (n, C) probabilities."""
Learner = Callable[[Any, np.ndarray], Predictor]
"""Trains a new model on examples and (n,) labels; keeps nothing from one call to the next."""


def from_estimator(make: Callable[[], Any]) -> Learner:
    """A learner out of anything with scikit-learn's `fit` and `predict_proba`.

    Args:
        make: returns a new, untrained estimator.
    """

    def learn(examples: Any, labels: np.ndarray) -> Predictor:
        return make().fit(examples, labels).predict_proba

    return learn


def take(examples: Any, rows: np.ndarray) -> Any:
    """Some of the examples: of an array or a sparse matrix, or of a sequence as a list."""
    if hasattr(examples, "shape"):
        return examples[rows]
    return [examples[i] for i in rows.tolist()]


def out_of_fold(learner: Learner, examples: Any, labels: ArrayLike, folds: ArrayLike) -> np.ndarray:
    """Predictions about all examples, each by a model that was trained without the example's fold.

    Args:
        learner: trains one model.
        examples: N of them: an array, a sparse matrix, or a sequence.
        labels: (N,) classes, each from 0 to C - 1 in the training part of each fold.
        folds: (N,) integers, at least two different ones; see `course_lib.ensemble.folds`.
    Returns:
        (N, C) probabilities.
    Raises:
        ValueError: for shapes that do not fit, a single fold, or a learner that returns something else than
            one distribution over C classes for each example.
    """
    y, fold = _checked(examples, labels, folds)
    out = np.empty((len(y), int(y.max()) + 1))
    for held_out in np.unique(fold):
        asked = np.flatnonzero(fold == held_out)
        rest = np.flatnonzero(fold != held_out)
        predict = learner(take(examples, rest), y[rest])
        out[asked] = predicted(predict, take(examples, asked), out[asked].shape)
    return out


def predicted(predict: Predictor, examples: Any, shape: tuple[int, ...]) -> np.ndarray:
    """What a predictor says, if it has the (n, C) that is expected."""
    p = np.asarray(predict(examples), dtype=np.float64)
    if p.shape != shape:
        raise ValueError(
            f"learner must give (examples, classes) = {shape}, got {p.shape}: "
            "does its training part hold every class?"
        )
    return p


def meta_features(
    probabilities: ArrayLike, kind: Literal["probabilities", "log-odds"] = "probabilities"
) -> np.ndarray:
    """What the second level reads.

    A distribution's columns sum to 1, so class 0 is left out: with it the columns would be dependent.

    Args:
        probabilities: (M, N, C).
        kind: "probabilities", or "log-odds" log p_c - log p_0, clipped at 1e-6 and 1 - 1e-6: with a linear
            second level that is a geometric average with learned weights.
    Returns:
        (N, M * (C - 1)), model by model.
    """
    p = probabilities_of(probabilities)
    if kind == "log-odds":
        logs = np.log(p.clip(1e-6, 1 - 1e-6))
        p = logs - logs[..., :1]
    elif kind != "probabilities":
        raise ValueError(f"kind must be 'probabilities' or 'log-odds', got {kind!r}")
    return p[..., 1:].transpose(1, 0, 2).reshape(p.shape[1], -1)


def stack(
    learners: Sequence[Learner],
    second: Learner,
    examples: Any,
    labels: ArrayLike,
    folds: ArrayLike,
    *,
    kind: Literal["probabilities", "log-odds"] = "probabilities",
) -> Predictor:
    """Train both levels.

    Args:
        learners: the M of the first level, one or more.
        second: a learner whose examples are rows of `meta_features`.
        examples, labels, folds: as in `out_of_fold`.
        kind: what the second level reads.
    Returns:
        A predictor for new examples.
    """
    if not learners:
        raise ValueError("learners must be one or more, got none")
    y, fold = _checked(examples, labels, folds)
    held_out = np.stack([out_of_fold(learner, examples, y, fold) for learner in learners])
    judge = second(meta_features(held_out, kind), y)
    everything = take(examples, np.arange(len(y)))
    first = [learner(everything, y) for learner in learners]

    def predict(new: Any) -> np.ndarray:
        return judge(meta_features(np.stack([model(new) for model in first]), kind))

    return predict


def _checked(examples: Any, labels: ArrayLike, folds: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    n = examples.shape[0] if hasattr(examples, "shape") else len(examples)
    y, fold = classes_of(labels), np.asarray(folds)
    if len(y) != n:
        raise ValueError(f"labels must be one for each of {n} examples, got {len(y)}")
    if fold.shape != (n,) or len(np.unique(fold)) < 2:
        raise ValueError(f"folds must be {n} numbers, two or more different ones, got shape {fold.shape}")
    return y, fold
