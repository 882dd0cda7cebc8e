"""Votes: who wins, what a tie does, and what a majority of independent models could reach."""

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier

from course_lib.ensemble.averaging import average
from course_lib.ensemble.voting import hard_vote, majority_accuracy, vote_shares


class Parrot:
    """An estimator that says what it was given, whatever it is asked."""

    def __init__(self, probabilities=None):
        self.probabilities = probabilities

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, x):
        return self.probabilities

    def predict(self, x):
        return self.probabilities.argmax(1)

    def get_params(self, deep=True):
        return {"probabilities": self.probabilities}


def voter(probabilities, **settings):
    """scikit-learn's VotingClassifier over fixed predictions."""
    theirs = VotingClassifier([(str(m), Parrot(p)) for m, p in enumerate(probabilities)], **settings)
    classes = np.arange(probabilities.shape[2])
    theirs.estimators_ = [Parrot(p).fit(None, classes) for p in probabilities]
    theirs.le_ = type("Labels", (), {"inverse_transform": staticmethod(lambda y: y)})
    theirs.classes_ = classes
    return theirs


@pytest.fixture
def probabilities():
    return np.random.default_rng(0).dirichlet(np.ones(4), size=(6, 200))  # an even number: ties happen


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [None, [3, 1, 1, 0.5, 0, 2]])
def test_a_hard_vote_is_scikit_learns_ties_included(probabilities, weights):
    votes = probabilities.argmax(-1)
    expected = voter(probabilities, voting="hard", weights=weights).predict(np.zeros((200, 1)))
    np.testing.assert_array_equal(hard_vote(votes, 4, weights), expected)
    leads = np.sort(vote_shares(votes, 4, weights), axis=1)
    assert (leads[:, -1] == leads[:, -2]).any() or weights  # the comparison did meet ties


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [None, [3, 1, 1, 0.5, 0, 2]])
def test_a_soft_vote_is_scikit_learns(probabilities, weights):
    theirs = voter(probabilities, voting="soft", weights=weights)
    ours = average(probabilities, weights)
    np.testing.assert_allclose(ours, theirs.predict_proba(np.zeros((200, 1))), atol=1e-15)
    np.testing.assert_array_equal(ours.argmax(1), theirs.predict(np.zeros((200, 1))))


def test_the_first_model_decides_a_tie_if_one_asks_for_that():
    votes = np.array([[2, 0], [1, 0], [1, 2], [2, 2]])
    np.testing.assert_array_equal(hard_vote(votes, 3), [1, 0])
    np.testing.assert_array_equal(hard_vote(votes, 3, ties="first"), [2, 0])
    np.testing.assert_array_equal(hard_vote(votes[::-1], 3, ties="first"), [2, 2])


def test_the_first_model_cannot_win_a_vote_that_is_no_tie():
    assert hard_vote([[2], [1], [1]], 3, ties="first") == 1


def test_weights_that_add_up_to_the_same_in_decimals_are_a_tie():
    """0.1 + 0.2 is not 0.3 in binary."""
    assert hard_vote([[0], [1], [1]], 2, [0.3, 0.1, 0.2]) == 0
    assert hard_vote([[1], [0], [0]], 2, [0.3, 0.1, 0.2], ties="first") == 1


def test_shares_are_those_counted_by_hand():
    np.testing.assert_allclose(
        vote_shares([[0, 1], [0, 0], [2, 1]], 3, [1, 1, 2]), [[0.5, 0, 0.5], [0.25, 0.75, 0]]
    )


def test_condorcets_majority_is_the_share_of_all_outcomes():
    for models, p in ((1, 0.6), (3, 0.6), (5, 0.45)):
        outcomes = (np.arange(2**models)[:, None] >> np.arange(models)) & 1
        chance = np.where(outcomes, p, 1 - p).prod(1)
        right = outcomes.sum(1) > models / 2
        assert majority_accuracy(p, models) == pytest.approx(chance[right].sum(), abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hard_vote([0, 1], 2), "votes must be"),
        (lambda: hard_vote(np.zeros((0, 3), int), 2), "votes must be"),
        (lambda: hard_vote([[0, 2]], 2), r"votes must lie in 0\.\.1"),
        (lambda: hard_vote([[0.0, 1.0]], 2), "votes must be 2 integers"),
        (lambda: hard_vote([[0, 1]], 2, [1, 1]), "weights must be one for each"),
        (lambda: hard_vote([[0], [1]], 2, [0, 0]), "weights must be 0 or more"),
        (lambda: hard_vote([[0], [1]], 2, [1, -1]), "weights must be 0 or more"),
        (lambda: hard_vote([[0], [1]], 2, ties="random"), "ties must be"),
        (lambda: majority_accuracy(0.5, 4), "models must be odd"),
        (lambda: majority_accuracy(1.5, 3), "accuracy must be"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
