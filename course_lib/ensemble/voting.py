"""Voting: each model names one class, and the class with most votes wins.

The oldest way of fusing, with a theory as old: Condorcet 1785. A vote throws away how sure a model was, so
it works for models that give no probabilities, or bad ones. Ties are frequent with an even number of models;
what is done with them is stated here and not left to the order of a dictionary.
"""

from math import comb
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from course_lib.ensemble.checks import labels_of, weights_of

Ties = Literal["lowest", "first"]


def vote_shares(votes: ArrayLike, num_classes: int, weights: ArrayLike | None = None) -> np.ndarray:
    """The share of the votes that each class gets.

    Args:
        votes: (M, N) integer classes: what each of M models says about each of N examples.
        num_classes: C.
        weights: (M,) how much each model's vote counts; equal if not given.
    Returns:
        (N, C) float64, each row with the sum 1.
    Raises:
        ValueError: for another shape, classes outside 0..C-1, or bad weights.
    """
    each = np.asarray(votes)
    if each.ndim != 2 or each.size == 0:
        raise ValueError(f"votes must be (models, examples), none of them 0, got {each.shape}")
    each = np.stack([labels_of(row, each.shape[1], num_classes, "votes") for row in each])
    # share_nc = Σ_m w_m [y_mn = c]
    shares = np.zeros((each.shape[1], num_classes))
    for row, weight in zip(each, weights_of(weights, len(each)), strict=True):
        shares[np.arange(len(row)), row] += weight
    return shares


def hard_vote(
    votes: ArrayLike, num_classes: int, weights: ArrayLike | None = None, *, ties: Ties = "lowest"
) -> np.ndarray:
    """The class with most votes.

    Args:
        votes: (M, N) integer classes. num_classes: C. weights: (M,), as in `vote_shares`.
        ties: "lowest" takes the lowest class of those that lead, as scikit-learn does; "first" takes the
            leading class that the earliest model voted for, so that with the best model in front it decides.
    Returns:
        (N,) int64.
    """
    shares = vote_shares(votes, num_classes, weights)
    leads = shares >= shares.max(1, keepdims=True) - 1e-12  # 0.1 + 0.2 and 0.3 are a tie
    if ties == "lowest":
        return leads.argmax(1)
    if ties != "first":
        raise ValueError(f"ties must be 'lowest' or 'first', got {ties!r}")
    each = np.asarray(votes)
    by_leader = np.take_along_axis(leads, each.T, axis=1)  # (N, M): does model m vote for a leader?
    return each[by_leader.argmax(1), np.arange(each.shape[1])].astype(np.int64)


def majority_accuracy(accuracy: float, models: int) -> float:
    """How often a majority is right if the models err independently (Condorcet's jury theorem).

    Args:
        accuracy: of each model, 0 to 1, with two classes.
        models: an odd number, so that there are no ties.
    """
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be from 0 to 1, got {accuracy}")
    if models < 1 or models % 2 == 0:
        raise ValueError(f"models must be odd and 1 or more, got {models}")
    # Σ_{r > M/2} C(M, r) p^r (1−p)^(M−r)
    most = range(models // 2 + 1, models + 1)
    return sum(comb(models, r) * accuracy**r * (1 - accuracy) ** (models - r) for r in most)
