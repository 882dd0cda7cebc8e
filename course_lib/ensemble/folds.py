"""Folds: every example is held out once, together with everything that is too like it.

Stratified folds hold the classes' shares (Kohavi 1995, IJCAI). Grouped folds keep whatever belongs together
(sentences of a document, texts of an author, copies of a text) in one fold: a copy in the training folds
would tell the answer. With both, whole groups are dealt out so that the class counts stay even.
"""

import numpy as np
from numpy.typing import ArrayLike

from course_lib.ensemble.checks import classes_of


def stratified_folds(labels: ArrayLike, num_folds: int, *, seed: int = 0) -> np.ndarray:
    """A fold for each example, so that no two folds differ by more than one example of a class.

    Args:
        labels: (N,) classes, integers of 0 or more; each class has at least `num_folds` examples, or none.
        num_folds: 2 or more.
        seed: of the shuffling.
    Returns:
        (N,) int64 from 0 to num_folds - 1.
    Raises:
        ValueError: also where a class is too rare to be in every fold.
    """
    y = classes_of(labels)
    counts = np.bincount(y)
    rarest = int(counts[counts > 0].min())
    if not 2 <= num_folds <= rarest:
        raise ValueError(f"num_folds must lie in 2..{rarest}, the size of the rarest class, got {num_folds}")
    order = np.random.default_rng(seed).permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]  # shuffled within each class
    folds = np.empty(len(y), np.int64)
    folds[order] = np.arange(len(y)) % num_folds  # dealt out like cards, on across the classes
    return folds


def grouped_folds(
    groups: ArrayLike, num_folds: int, *, labels: ArrayLike | None = None, seed: int = 0
) -> np.ndarray:
    """A fold for each example, the same for all of a group.

    Large groups are dealt out first, each into the fold where it disturbs the class counts least.

    Args:
        groups: (N,) what belongs together has the same entry: integers or strings.
        num_folds: 2 to the number of groups.
        labels: (N,) classes whose shares the folds should have; if not given, sizes alone are evened out.
        seed: of the order of equal groups.
    Returns:
        (N,) int64 from 0 to num_folds - 1; every fold has at least one group.
    """
    names, group = np.unique(np.asarray(groups), return_inverse=True)
    if group.ndim != 1 or group.size == 0:
        raise ValueError(f"groups must be (N,) with N >= 1, got shape {group.shape}")
    if not 2 <= num_folds <= len(names):
        raise ValueError(f"num_folds must lie in 2..{len(names)}, the number of groups, got {num_folds}")
    y = np.zeros(len(group), np.int64) if labels is None else classes_of(labels)
    if len(y) != len(group):
        raise ValueError(f"labels must be one for each of {len(group)} examples, got {len(y)}")
    counts = np.zeros((len(names), int(y.max()) + 1))
    np.add.at(counts, (group, y), 1)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-counts[order].sum(1), kind="stable")]
    return _deal(counts / np.maximum(counts.sum(0), 1), order, num_folds)[group]


def _deal(shares: np.ndarray, order: np.ndarray, num_folds: int) -> np.ndarray:
    """(G,) the fold of each group, from each group's share of every class (G, C)."""
    filled = np.zeros((num_folds, shares.shape[1]))
    fold_of = np.empty(len(shares), np.int64)
    for place, group in enumerate(order.tolist()):
        # Σ_c (share of c in the fold)² grows least where the group's classes are scarce so far
        growth = ((filled + shares[group]) ** 2 - filled**2).sum(1)
        empty = filled.sum(1) == 0
        if len(order) - place <= empty.sum():  # as many groups are left as folds are empty
            growth[~empty] = np.inf
        fold_of[group] = int(growth.argmin())
        filled[fold_of[group]] += shares[group]
    return fold_of
