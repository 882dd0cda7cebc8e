"""Folds: everything once, classes even, groups whole."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from course_lib.ensemble.folds import grouped_folds, stratified_folds


def counts_of(folds, labels):
    """(folds, classes) how many examples."""
    return np.array([np.bincount(labels[folds == f], minlength=labels.max() + 1) for f in np.unique(folds)])


@given(st.integers(2, 5), st.lists(st.integers(5, 23), min_size=1, max_size=4), st.integers(0, 99))
def test_no_two_folds_differ_by_more_than_one_of_a_class_nor_in_size(k, sizes, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    folds = stratified_folds(labels, k, seed=seed)
    table = counts_of(folds, labels)
    assert len(table) == k
    assert np.ptp(table, axis=0).max() <= 1
    assert np.ptp(table.sum(1)) <= 1


@pytest.mark.oracle
def test_the_class_counts_are_scikit_learns_up_to_the_order_of_folds():
    labels = np.repeat([0, 1, 2], [37, 20, 9])
    theirs = np.empty(66, int)
    for f, (_, held_out) in enumerate(StratifiedKFold(4, shuffle=True, random_state=0).split(labels, labels)):
        theirs[held_out] = f
    ours = counts_of(stratified_folds(labels, 4), labels)
    np.testing.assert_array_equal(np.sort(ours, 0), np.sort(counts_of(theirs, labels), 0))


def test_folds_are_shuffled_by_the_seed_alone():
    labels = np.arange(60) % 2
    np.testing.assert_array_equal(stratified_folds(labels, 5, seed=3), stratified_folds(labels, 5, seed=3))
    assert (stratified_folds(labels, 5, seed=3) != stratified_folds(labels, 5, seed=4)).any()


def test_a_group_is_never_torn_apart():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 400)
    folds = grouped_folds(groups, 5, labels=rng.integers(0, 3, 400))
    for group in range(40):
        assert len(np.unique(folds[groups == group])) == 1
    assert set(folds) == set(range(5))


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(3))
def test_grouped_folds_keep_class_shares_as_even_as_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 60, 600)
    labels = (rng.random(600) < rng.random(60)[groups]).astype(int)  # groups differ in their shares
    theirs = np.empty(600, int)
    split = StratifiedGroupKFold(5, shuffle=True, random_state=seed).split(labels, labels, groups)
    for f, (_, held_out) in enumerate(split):
        theirs[held_out] = f
    ours = grouped_folds(groups, 5, labels=labels, seed=seed)

    def unevenness(folds):
        table = counts_of(folds, labels)
        return (table / table.sum(0)).std(0).mean()

    assert unevenness(ours) <= unevenness(theirs) + 0.005


def test_without_labels_the_sizes_are_evened_out():
    groups = np.repeat(np.arange(9), [50, 40, 30, 30, 20, 10, 10, 5, 5])
    assert np.ptp(np.bincount(grouped_folds(groups, 4))) <= 10


def test_as_many_folds_as_groups_leaves_one_group_out_each_time():
    groups = np.array(["a", "b", "b", "c", "c", "c"])
    assert len(set(grouped_folds(groups, 3).tolist())) == 3


def test_no_fold_stays_empty_where_each_group_has_a_class_of_its_own():
    assert set(grouped_folds(["a", "a", "b", "b"], 2, labels=[0, 0, 1, 1])) == {0, 1}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: stratified_folds([0, 0, 0, 1], 2), r"num_folds must lie in 2\.\.1"),
        (lambda: stratified_folds([0, 0, 1, 1], 1), r"num_folds must lie in 2\.\.2"),
        (lambda: stratified_folds([0.0, 1.0], 2), "labels must be one or more integers"),
        (lambda: stratified_folds([-1, 1], 2), "labels must be one or more integers"),
        (lambda: stratified_folds([], 2), "labels must be one or more integers"),
        (lambda: grouped_folds([1, 1, 2], 3), "number of groups, got 3"),
        (lambda: grouped_folds([1, 1, 2], 2, labels=[0, 1]), "labels must be one for each of 3"),
        (lambda: grouped_folds([[1, 1, 2]], 2), "groups must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
