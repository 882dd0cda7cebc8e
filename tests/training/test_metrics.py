"""Metrics against scikit-learn and scipy, and at the corners that their formulas leave open."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.training import metrics

LABELS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=40)


@pytest.mark.oracle
@settings(deadline=None)
@given(LABELS)
def test_accuracy_f1_and_confusion_are_those_of_scikit_learn(pairs):
    from sklearn import metrics as sk

    predicted, true = np.array(pairs).T
    classes = list(range(5))
    assert metrics.accuracy(predicted, true) == pytest.approx(sk.accuracy_score(true, predicted))
    np.testing.assert_array_equal(
        metrics.confusion(predicted, true, 5), sk.confusion_matrix(true, predicted, labels=classes)
    )
    theirs = sk.f1_score(true, predicted, labels=classes, average=None, zero_division=0)
    np.testing.assert_allclose(metrics.f1_by_class(predicted, true, 5), theirs)
    macro = sk.f1_score(true, predicted, average="macro", zero_division=0)
    assert metrics.macro_f1(predicted, true, 5) == pytest.approx(macro)


@pytest.mark.oracle
@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.floats(-5, 5)), min_size=2, max_size=30))
def test_spearman_is_the_one_of_scipy_with_ties(pairs):
    from scipy.stats import spearmanr

    a, b = np.array(pairs).T
    if len(set(a)) > 1 and len(set(b)) > 1:
        assert metrics.spearman(a, b) == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
    else:
        assert metrics.spearman(a, b) == 0


def test_the_perplexity_of_a_uniform_guess_is_the_size_of_the_vocabulary():
    assert metrics.perplexity(7 * math.log(50), 7) == pytest.approx(50)
    assert metrics.perplexity(1e6, 1) == math.inf


def test_macro_f1_gives_a_rare_class_the_weight_of_a_frequent_one():
    true = [0] * 98 + [1] * 2
    assert metrics.accuracy([0] * 100, true) == 0.98
    assert metrics.macro_f1([0] * 100, true, 2) == pytest.approx(98 / 99 / 1 / 2, rel=1e-2)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: metrics.accuracy([], []), "predicted"),
        (lambda: metrics.accuracy([1, 2], [1]), "predicted"),
        (lambda: metrics.accuracy([[1]], [[1]]), "predicted"),
        (lambda: metrics.confusion([5], [0], 5), "predicted"),
        (lambda: metrics.confusion([0], [-1], 5), "true"),
        (lambda: metrics.perplexity(1.0, 0), "count"),
        (lambda: metrics.perplexity(math.nan, 1), "total_nll"),
        (lambda: metrics.spearman([1], [1]), "predicted"),
        (lambda: metrics.spearman([1, math.nan], [1, 2]), "predicted and true"),
    ],
)
def test_bad_input_is_refused_by_name(call, name):
    with pytest.raises(ValueError, match=rf"^{name} must"):
        call()
