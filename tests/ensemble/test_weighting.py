"""Weights fitted on held-out predictions: the optimum is the optimum, and selection never loses."""

import numpy as np
import pytest
from scipy.optimize import minimize

from course_lib.ensemble.averaging import average
from course_lib.ensemble.weighting import fit_weights, hit_rate, log_score, select


@pytest.fixture
def held_out():
    """Four models of rising quality about 300 examples, and the labels."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 300)
    sharpness = np.array([0.0, 0.5, 1.0, 1.5])[:, None, None]
    logits = sharpness * np.eye(3)[labels] + rng.normal(size=(4, 300, 3))
    p = np.exp(logits)
    return p / p.sum(-1, keepdims=True), labels


@pytest.mark.oracle
def test_fitted_weights_are_the_optimum_that_scipy_finds(held_out):
    p, y = held_out
    truth = p[:, np.arange(300), y]
    found = minimize(
        lambda w: -np.log(w @ truth).mean(),
        np.full(4, 0.25),
        jac=lambda w: -(truth / (w @ truth)).mean(1),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    ours = fit_weights(p, y, tolerance=1e-10)
    np.testing.assert_allclose(ours, found.x, atol=1e-3)
    assert log_score(average(p, ours), y) >= -found.fun - 1e-10


def test_fitted_weights_stop_with_a_proof_of_how_near_they_are(held_out):
    """At the optimum of a concave problem on the simplex no model's gradient is above 1."""
    p, y = held_out
    for tolerance in (1e-2, 1e-4):
        w = fit_weights(p, y, tolerance=tolerance)
        truth = p[:, np.arange(300), y]
        assert (truth / (w @ truth)).mean(1).max() <= 1 + tolerance + 1e-12
        best = log_score(average(p, fit_weights(p, y, tolerance=1e-9)), y)
        assert best - log_score(average(p, w), y) <= tolerance


def test_fitted_weights_by_hand_for_two_models_that_are_each_sure_of_one_half():
    """Model 1 gives the truth 0.8 in 3 of 4 examples, model 2 in the other one; else 0.2."""
    first, second = np.array([0.8, 0.8, 0.8, 0.2]), np.array([0.2, 0.2, 0.2, 0.8])
    p = np.stack([np.stack([q, 1 - q], 1) for q in (first, second)])
    # 3 log(0.2 + 0.6 w) + log(0.8 − 0.6 w) is largest where 3 (0.8 − 0.6 w) = 0.2 + 0.6 w
    assert fit_weights(p, np.zeros(4, int), tolerance=1e-12)[0] == pytest.approx(2.2 / 2.4, abs=1e-6)


def test_a_copy_shares_the_weight_and_a_useless_model_gets_none(held_out):
    p, y = held_out
    w = fit_weights(np.stack([p[3], p[3], 1 / 3 * np.ones_like(p[3])]), y)
    assert w[0] == pytest.approx(w[1])
    flat = np.array([[[0.9, 0.1]] * 5, [[0.5, 0.5]] * 5])
    np.testing.assert_allclose(fit_weights(flat, np.zeros(5, int)), [1, 0], atol=1e-4)


@pytest.mark.parametrize("metric", [log_score, hit_rate])
def test_selection_is_never_worse_than_the_best_single_model_where_it_selects(held_out, metric):
    p, y = held_out
    w = select(p, y, metric=metric)
    assert w.sum() == pytest.approx(1)
    assert metric(average(p, w), y) >= max(metric(each, y) for each in p)


def test_selection_takes_the_best_model_first_and_one_round_is_that_model(held_out):
    p, y = held_out
    assert select(p, y, rounds=1).tolist() == np.eye(4)[np.argmax([log_score(q, y) for q in p])].tolist()


@pytest.mark.parametrize("metric", [log_score, hit_rate])
def test_more_rounds_never_lose_what_fewer_rounds_had_found(held_out, metric):
    p, y = held_out
    reached = [metric(average(p, select(p, y, rounds=n, metric=metric)), y) for n in range(1, 25)]
    assert reached == pytest.approx(np.maximum.accumulate(reached), abs=1e-12)
    assert reached[-1] > reached[0]


def test_selection_comes_near_the_best_weights(held_out):
    p, y = held_out
    best = log_score(average(p, fit_weights(p, y)), y)
    assert best - 1e-3 < log_score(average(p, select(p, y, rounds=100)), y) <= best + 1e-9


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p, y: fit_weights(p, y[:-1]), "labels must be 300 integers"),
        (lambda p, y: fit_weights(p, y + 1), r"labels must lie in 0\.\.2"),
        (lambda p, y: fit_weights(p, y.astype(float)), "labels must be 300 integers"),
        (lambda p, y: fit_weights([[[1.0, 0.0]]] * 2, [1]), "1 labels without"),
        (lambda p, y: select(p, y, rounds=0), "rounds must be"),
    ],
)
def test_bad_input_is_named(held_out, call, message):
    with pytest.raises(ValueError, match=message):
        call(*held_out)
