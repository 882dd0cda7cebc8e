"""Cuts against true morpheme boundaries."""

import random

import pytest

from course_lib.text.boundaries import boundary_scores, cuts


def test_cuts_are_where_pieces_meet():
    assert cuts(["un", "do", "ing</w>"], "</w>") == (2, 4)
    assert cuts(["word</w>"], "</w>") == ()
    assert cuts(["a", "b"]) == (1,)


def test_scores_by_hand():
    found = {"undoing": (2, 4), "cats": (2,), "dog": ()}
    true = {"undoing": (2, 4), "cats": (3,), "dog": ()}
    scores = boundary_scores(found, true, {"undoing": 1, "cats": 2, "dog": 1})
    assert scores.precision == pytest.approx(2 / 4)
    assert scores.recall == pytest.approx(2 / 4)
    assert scores.cuts_per_word == pytest.approx(4 / 4)
    assert scores.chance == pytest.approx((2 * 2 / 6 + 2 * 1 / 3) / 4)


def test_chance_is_what_random_cuts_get():
    rng = random.Random(0)
    true = {"abcdefgh": (3, 5)}
    hits = [len({*rng.sample(range(1, 8), 3)} & {3, 5}) / 3 for _ in range(20_000)]
    scores = boundary_scores({"abcdefgh": (1, 2, 4)}, true, {"abcdefgh": 1})
    assert scores.chance == pytest.approx(sum(hits) / len(hits), abs=0.01)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="must lie in"):
        boundary_scores({"ab": (2,)}, {"ab": (1,)}, {"ab": 1})
    with pytest.raises(ValueError, match="positive weight"):
        boundary_scores({}, {}, {})
