"""Pseudo-labels and self-training: a model labels what it is sure of and is trained again on that, too.

Lee 2013, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks"
(ICML workshop WREPL), section 2.4, takes every guess. Keeping only confident ones and repeating the whole is
older: Yarowsky 1995, ACL P95-1026. Left out: soft targets, and guesses that are renewed at every step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from course_lib.transfer.semi_supervised import Mixture, Reading


class PseudoLabels(NamedTuple):
    """Guesses that were kept: (K,) rows in ascending order, (K,) labels, (K,) confidences."""

    rows: Tensor
    labels: Tensor
    confidence: Tensor


def pseudo_labels(probabilities: Tensor, *, threshold: float = 0.0, most: int | None = None) -> PseudoLabels:
    """The most probable class of each example, where the model is sure enough.

    Args:
        probabilities: (M, C) P(y | x); rows sum to 1.
        threshold: smallest confidence that is kept, from 0 (all, as in Lee) to 1.
        most: keep so many of the surest at most; all if not given.
    """
    if probabilities.dim() != 2 or probabilities.shape[1] < 2:
        raise ValueError(
            f"probabilities must have shape (M, C), C at least 2, got {tuple(probabilities.shape)}"
        )
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie in 0..1, got {threshold}")
    if most is not None and most < 0:
        raise ValueError(f"most must be 0 or more, got {most}")
    confidence, labels = probabilities.max(-1)
    surest = confidence.argsort(descending=True, stable=True)
    rows = surest[confidence[surest] >= threshold][:most].sort().values
    return PseudoLabels(rows, labels[rows], confidence[rows])


Predict = Callable[[Tensor], Tensor]
"""`predict(rows) -> (K, C)` probabilities of the examples with these numbers."""
Train = Callable[[Tensor, Tensor, Tensor], Predict]
"""`train(rows, labels, weights) -> predict`: a new model for the examples with these numbers."""


def scikit_trainer(features: Any, make: Callable[[], Any], true: int) -> Train:
    """A trainer for `self_train` around a classifier of scikit-learn that takes sample weights.

    Its loss is Σ Wᵢ·ℓᵢ, not the mean: the weights are divided by the mean of the true examples' ones, so that
    a penalty or a prior meets the same n examples whatever stands beside them.

    Args:
        features: (N, F) matrix, dense or sparse, one row an example.
        make: returns a new classifier with `fit` and `predict_proba`.
        true: n; rows 0 to n - 1 have true labels, of every class.
    """

    def train(rows: Tensor, labels: Tensor, weights: Tensor) -> Predict:
        scaled = (weights / weights[:true].mean()).numpy()
        model = make().fit(features[rows.numpy()], labels.numpy(), scaled)
        return lambda asked: torch.as_tensor(model.predict_proba(features[asked.numpy()]))

    return train


@dataclass(frozen=True)
class SelfTraining:
    """How pseudo-labels are made and what they count.

    Attributes:
        rounds: times that labels are guessed and a new model is trained, 0 or more.
        threshold, most: as in `pseudo_labels`.
        true_weight, pseudo_weight, reading: as in `Mixture`.
        keep: True never takes a guess back, as scikit-learn does; False guesses all anew in each round.
    """

    rounds: int = 1
    threshold: float = 0.0
    most: int | None = None
    true_weight: float = 1.0
    pseudo_weight: float = 1.0
    reading: Reading = "pooled"
    keep: bool = False

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise ValueError(f"rounds must be 0 or more, got {self.rounds}")


@dataclass(frozen=True)
class Round:
    """One trained model and what it was trained on beside the true labels."""

    predict: Predict
    pseudo: PseudoLabels
    mixture: Mixture


def self_train(
    train: Train,
    labels: Tensor,
    unlabelled: Tensor,
    config: SelfTraining,
    *,
    class_weights: Tensor | None = None,
) -> list[Round]:
    """Train on the true labels, guess the others, train again on both, and so on.

    Examples are known by number, so that any kind of input and of model will do. Numbers 0 to n - 1 have true
    labels; what other numbers stand for is the trainer's business.

    Args:
        train: makes a new model; called with rows (K,), labels (K,) and weights (K,).
        labels: (n,) the true labels of rows 0 to n - 1.
        unlabelled: (M,) the numbers of the examples to guess, n or above.
        config: see `SelfTraining`.
        class_weights: (C,) of `label_shift.label_weights`, on the true examples; the guessed ones come from
            the other side already.
    Returns:
        Round 0 (true labels alone) and the further ones; fewer than asked for once nothing changes any more.
    """
    if labels.dim() != 1 or not len(labels):
        raise ValueError(f"labels must have shape (n,), n at least 1, got {tuple(labels.shape)}")
    if unlabelled.dim() != 1 or (len(unlabelled) and int(unlabelled.min()) < len(labels)):
        raise ValueError(
            f"unlabelled must be (M,) numbers of {len(labels)} or more, got {unlabelled.tolist()[:5]}"
        )
    none = PseudoLabels(unlabelled[:0], labels[:0], torch.zeros(0, device=labels.device))
    rounds = [_train_once(train, labels, none, config, class_weights)]
    for _ in range(config.rounds):
        before = rounds[-1]
        pseudo = _guess(before, unlabelled, config)
        if torch.equal(pseudo.rows, before.pseudo.rows) and torch.equal(pseudo.labels, before.pseudo.labels):
            break
        rounds.append(_train_once(train, labels, pseudo, config, class_weights))
    return rounds


def _guess(before: Round, unlabelled: Tensor, config: SelfTraining) -> PseudoLabels:
    """The next round's pseudo-labels, with the examples' numbers as rows."""
    old = before.pseudo
    asked = unlabelled[~torch.isin(unlabelled, old.rows)] if config.keep else unlabelled
    if not len(asked):
        return old
    found = pseudo_labels(before.predict(asked), threshold=config.threshold, most=config.most)
    new = PseudoLabels(asked[found.rows], found.labels, found.confidence)
    if not config.keep:
        return new
    return PseudoLabels(*(torch.cat(pair) for pair in zip(old, new, strict=True)))


def _train_once(
    train: Train, labels: Tensor, pseudo: PseudoLabels, config: SelfTraining, class_weights: Tensor | None
) -> Round:
    n = len(labels)
    mixture = Mixture(n, len(pseudo.rows), config.true_weight, config.pseudo_weight, config.reading)
    weights = mixture.weights(labels.device, torch.float64)
    if class_weights is not None:
        weights[:n] *= class_weights[labels]
    rows = torch.cat([torch.arange(n, device=labels.device), pseudo.rows])
    return Round(train(rows, torch.cat([labels, pseudo.labels]), weights), pseudo, mixture)
