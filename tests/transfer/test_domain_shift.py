"""Distances between domains, and what a word says about the label."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.transfer.domain_shift import jensen_shannon, label_log_odds, proxy_a_distance, word_shares


@pytest.mark.oracle
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 30))
def test_the_divergence_is_the_square_of_scipys_distance(seed, size):
    from scipy.spatial.distance import jensenshannon

    rng = np.random.default_rng(seed)
    p, q = (rng.dirichlet(np.full(size, 0.3)) * (rng.random(size) < 0.8) + 1e-300 for _ in range(2))
    p, q = p / p.sum(), q / q.sum()
    assert jensen_shannon(p, q) == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)


def test_the_divergence_is_one_bit_for_strangers_and_zero_for_twins():
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 1.0
    assert jensen_shannon(np.array([0.25, 0.75]), np.array([0.25, 0.75])) == 0.0
    # m = (3/4, 1/4): ½·log2(4/3) + ½·(½·log2(2/3) + ½·log2(2))
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(0.311278, abs=1e-6)


def test_the_proxy_distance_by_hand():
    assert [proxy_a_distance(error) for error in (0.0, 0.25, 0.5, 0.7)] == [2.0, 1.0, 0.0, 0.0]


def test_shares_count_the_asked_words_alone():
    texts = [["a", "b", "a"], ["c", "b"]]
    np.testing.assert_allclose(word_shares(texts, ["a", "b", "z"]), [0.5, 0.5, 0.0])


@pytest.mark.oracle
def test_log_odds_are_those_of_bernoulli_naive_bayes():
    from sklearn.naive_bayes import BernoulliNB

    rng = np.random.default_rng(0)
    inside, labels = rng.integers(0, 2, (50, 6)), rng.integers(0, 2, 50)
    words = list("abcdef")
    texts = [[w for w, there in zip(words, row, strict=True) if there] for row in inside]
    theirs = BernoulliNB(alpha=0.5).fit(inside, labels).feature_log_prob_
    np.testing.assert_allclose(label_log_odds(texts, labels, words), theirs[1] - theirs[0], rtol=1e-9)


def test_bad_input_is_refused_by_name():
    half = np.array([0.5, 0.5])
    with pytest.raises(ValueError, match=r"^p must be shares"):
        jensen_shannon(np.array([0.5, 0.6]), half)
    with pytest.raises(ValueError, match=r"^q must have the shape"):
        jensen_shannon(half, np.array([0.5, 0.25, 0.25]))
    with pytest.raises(ValueError, match=r"^error must"):
        proxy_a_distance(1.5)
    with pytest.raises(ValueError, match=r"^texts must"):
        word_shares([["a"]], ["b"])
    with pytest.raises(ValueError, match=r"^labels must"):
        label_log_odds([["a"]], [1], ["a"])
    with pytest.raises(ValueError, match=r"^smoothing must"):
        label_log_odds([["a"], ["b"]], [1, 0], ["a"], smoothing=0)
