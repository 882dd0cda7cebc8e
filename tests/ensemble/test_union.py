"""Spans: votes, union and intersection, overlaps resolved exactly, scores."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.ensemble.union import Span, fuse_spans, span_scores, span_votes, without_overlaps

SPANS = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 8),
    st.integers(1, 4),
    st.sampled_from(["PER", "LOC"]),
)


def overlap(a, b):
    return a.start < b.end and b.start < a.end


@given(st.dictionaries(SPANS, st.integers(1, 5), max_size=8))
def test_what_is_kept_is_the_best_set_without_overlaps_of_all_sets(weights):
    kept = without_overlaps(weights)
    best = max(
        sum(weights[s] for s in some)
        for size in range(len(weights) + 1)
        for some in combinations(weights, size)
        if not any(overlap(a, b) for a, b in combinations(some, 2))
    )
    assert not any(overlap(a, b) for a, b in combinations(kept, 2))
    assert sum(weights[s] for s in kept) == best
    assert kept == sorted(kept)


@given(st.lists(st.lists(SPANS, max_size=4), min_size=1, max_size=4))
def test_more_votes_asked_for_never_gives_a_span_that_fewer_votes_did_not_allow(predictions):
    votes = span_votes(predictions)
    for at_least in range(1, len(predictions) + 1):
        fused = fuse_spans(predictions, at_least)
        assert all(votes[span] >= at_least for span in fused)


@given(st.lists(st.lists(SPANS, max_size=3), min_size=1, max_size=4))
def test_spans_that_meet_no_other_are_all_in_the_union(predictions):
    votes = span_votes(predictions)
    alone = {s for s in votes if not any(overlap(s, other) for other in votes if other != s)}
    assert alone <= set(fuse_spans(predictions, 1))


def test_a_model_has_one_vote_however_often_it_repeats_itself():
    again = [Span(0, 2, "PER"), Span(0, 2, "PER"), (0, 2, "PER")]
    assert span_votes([again, []]) == {Span(0, 2, "PER"): 1}


def test_the_union_raises_recall_and_the_intersection_precision():
    true = [[Span(0, 2, "PER"), Span(4, 5, "LOC"), Span(7, 9, "ORG")]]
    first = [Span(0, 2, "PER"), Span(6, 7, "LOC")]
    second = [Span(0, 2, "PER"), Span(4, 5, "LOC")]
    union = span_scores([fuse_spans([first, second], 1)], true)
    common = span_scores([fuse_spans([first, second], 2)], true)
    assert union == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert common == pytest.approx((1, 1 / 3, 1 / 2))


def test_boundaries_and_label_must_both_be_right():
    true = [[Span(0, 2, "PER")]]
    for wrong in (Span(0, 1, "PER"), Span(0, 2, "LOC")):
        assert span_scores([[wrong]], true) == (0, 0, 0)


def test_scores_without_spans_are_zero_and_no_division_fails():
    assert span_scores([[]], [[]]) == (0, 0, 0)
    assert span_scores([], []) == (0, 0, 0)


def test_of_two_labels_for_one_span_the_one_with_more_votes_wins():
    predictions = [[Span(0, 2, "LOC")], [Span(0, 2, "PER")], [Span(0, 2, "PER")]]
    assert fuse_spans(predictions, 1) == [Span(0, 2, "PER")]
    assert fuse_spans(predictions[:2], 1) == [Span(0, 2, "LOC")]  # equal votes: the first in the alphabet


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fuse_spans([[], []], 3), r"at_least must lie in 1\.\.2, got 3"),
        (lambda: fuse_spans([], 1), "at_least must lie in"),
        (lambda: span_votes([]), "predictions must come from one model"),
        (lambda: span_votes([[Span(2, 2, "PER")]]), "0 <= start < end"),
        (lambda: without_overlaps({Span(0, 1, "PER"): 0.0}), "weights must be above 0"),
        (lambda: span_scores([[]], []), "one list for each of 0 texts"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
