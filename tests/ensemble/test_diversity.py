"""Diversity: the decompositions are identities, and correlations are numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as sklearn_log_loss

from course_lib.ensemble.averaging import average, geometric_average
from course_lib.ensemble.diversity import (
    disagreement,
    error_correlation,
    log_loss,
    mean_of_pairs,
    squared_error,
)


def made(models=4, n=60, classes=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(classes), size=(models, n)), rng.integers(0, classes, n)


@given(st.integers(1, 6), st.integers(2, 4), st.integers(0, 10**6))
def test_the_ensembles_error_is_the_members_minus_the_ambiguity(models, classes, seed):
    p, y = made(models, 20, classes, seed)
    weights = np.random.default_rng(seed).random(models) + 0.01
    for decompose in (squared_error, log_loss):
        parts = decompose(p, y, weights)
        np.testing.assert_allclose(parts.ensemble, parts.members - parts.ambiguity, atol=1e-10)
        assert parts.ambiguity.min() >= -1e-12


@pytest.mark.oracle
def test_the_ensembles_errors_are_scikit_learns_scores_of_the_average():
    p, y = made()
    assert squared_error(p, y).ensemble.mean() == pytest.approx(
        brier_score_loss(y, average(p), scale_by_half=False), abs=1e-12
    )
    assert log_loss(p, y).ensemble.mean() == pytest.approx(
        sklearn_log_loss(y, geometric_average(p)), abs=1e-12
    )
    each = np.mean([sklearn_log_loss(y, q) for q in p])
    assert log_loss(p, y).members.mean() == pytest.approx(each, abs=1e-12)


def test_models_that_agree_have_no_ambiguity():
    p, y = made(1)
    for decompose in (squared_error, log_loss):
        assert np.abs(decompose(np.repeat(p, 3, axis=0), y).ambiguity).max() < 1e-12


def test_the_squared_decomposition_by_hand():
    """Two models say 0.9 and 0.5 for a true class of two: errors 0.02 and 0.5, their average 0.18."""
    parts = squared_error([[[0.1, 0.9]], [[0.5, 0.5]]], [1])
    np.testing.assert_allclose([part[0] for part in parts], [0.18, 0.26, 0.08], atol=1e-12)


@pytest.mark.oracle
def test_error_correlations_are_numpys():
    p, y = made(5, 200)
    predicted = p.argmax(-1)
    np.testing.assert_allclose(error_correlation(predicted, y), np.corrcoef(predicted != y), atol=1e-12)


def test_a_model_without_errors_correlates_with_nobody_and_gives_no_nan():
    table = error_correlation([[0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]], [0, 1, 0, 1])
    np.testing.assert_array_equal(table, np.eye(3))


def test_disagreement_is_the_share_of_different_answers():
    table = disagreement([[0, 1, 2, 2], [0, 1, 1, 1], [0, 1, 2, 2]])
    np.testing.assert_array_equal(table, [[0, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0]])
    assert mean_of_pairs(table) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: squared_error([[[0.5, 0.5]]], [2]), r"labels must lie in 0\.\.1"),
        (lambda: log_loss([[[0.0, 1.0]]], [1]), "clip them first"),
        (lambda: error_correlation([[0, 1]], [0]), "predicted must be"),
        (lambda: error_correlation([0, 1], [0, 1]), "predicted must be"),
        (lambda: disagreement([0, 1]), "predicted must be"),
        (lambda: mean_of_pairs([[1.0]]), "table must be"),
        (lambda: mean_of_pairs([[1.0, 2.0]]), "table must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
