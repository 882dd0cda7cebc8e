"""Averages: of probabilities, of logarithms, of ranks."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from course_lib.ensemble.averaging import average, geometric_average, rank_average


@pytest.fixture
def probabilities():
    return np.random.default_rng(0).dirichlet(np.ones(3), size=(4, 50))


@pytest.mark.oracle
def test_a_geometric_average_is_the_softmax_of_averaged_logits(probabilities):
    logits = torch.randn(4, 50, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 5
    weights = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    expected = torch.einsum("m,mnc->nc", weights, logits).softmax(-1)
    np.testing.assert_allclose(geometric_average(logits.softmax(-1), weights), expected, atol=1e-12)


def test_one_model_can_veto_a_class_in_the_geometric_average_alone():
    p = np.array([[[0.0, 0.5, 0.5]], [[0.8, 0.1, 0.1]]])
    assert geometric_average(p)[0, 0] == 0
    assert average(p)[0, 0] == pytest.approx(0.4)
    np.testing.assert_allclose(geometric_average(p, [0, 1]), p[1])  # no weight, no veto


def test_a_geometric_average_survives_probabilities_that_underflow():
    models, tiny = 200, 1e-320
    p = np.where(np.eye(models, dtype=bool), 1.0, tiny)[:, None]  # each is sure of another class
    w = np.random.default_rng(0).uniform(0.5, 1.5, models)
    # log p̄_c = (1 − w_c / Σ w) log tiny + constant
    logs = -w / w.sum() * np.log(tiny)
    expected = np.exp(logs - logs.max())
    np.testing.assert_allclose(geometric_average(p, w)[0], expected / expected.sum(), rtol=1e-10)


def test_averages_of_equal_models_are_the_model(probabilities):
    same = np.broadcast_to(probabilities[:1], (5, 50, 3))
    for pool in (average, geometric_average):
        np.testing.assert_allclose(pool(same, [1, 2, 3, 4, 5]), probabilities[0], atol=1e-12)


def test_weights_are_shares_so_that_their_scale_does_not_matter(probabilities):
    for pool in (average, geometric_average):
        np.testing.assert_allclose(
            pool(probabilities, [1, 2, 0, 1]), pool(probabilities, [10, 20, 0, 10]), atol=1e-15
        )


@pytest.mark.oracle
def test_rank_averages_are_scipys_ranks_with_shared_places_for_ties():
    scores = np.random.default_rng(0).integers(0, 5, (3, 40))
    expected = np.mean([(rankdata(row) - 1) / 39 for row in scores], axis=0)
    np.testing.assert_allclose(rank_average(scores), expected, atol=1e-15)
    assert spearmanr(rank_average(scores[:1]), scores[0]).statistic == pytest.approx(1)


@given(st.lists(st.integers(-40, 40), min_size=2, max_size=12), st.integers(0, 3))
def test_a_models_scale_never_changes_a_rank_average(values, which):
    """Any growing function of the scores gives the same places."""
    grown = [lambda x: 3 * x + 1, lambda x: x**3, np.exp, lambda x: 1 / (1 + np.exp(-x / 10))][which]
    scores = np.array([values, values[::-1]], dtype=np.float64)
    np.testing.assert_allclose(rank_average(np.stack([grown(scores[0]), scores[1]])), rank_average(scores))


def test_ranks_run_from_zero_to_one():
    np.testing.assert_allclose(rank_average([[5.0, -1.0, 7.0]]), [0.5, 0, 1])
    np.testing.assert_allclose(rank_average([[2.0, 2.0, 2.0]]), [0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: average(np.ones((2, 3))), "probabilities must be \\(models"),
        (lambda: average(np.ones((2, 3, 2))), "probabilities must be distributions"),
        (lambda: average([[[1.5, -0.5]]]), "probabilities must be distributions"),
        (lambda: average([[[np.nan, 1.0]]]), "probabilities must be distributions"),
        (lambda: average(np.zeros((0, 3, 2))), "none of them 0"),
        (lambda: average(np.full((2, 3, 2), 0.5), [1.0]), "weights must be one for each of 2"),
        (lambda: average(np.full((2, 3, 2), 0.5), [np.inf, 1]), "weights must be 0 or more"),
        (lambda: geometric_average([[[1.0, 0.0]], [[0.0, 1.0]]]), "to which all models give more than 0"),
        (lambda: rank_average([1.0, 2.0]), "scores must be"),
        (lambda: rank_average([[1.0]]), "two examples or more"),
        (lambda: rank_average([[1.0, np.nan]]), "scores must be finite"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
