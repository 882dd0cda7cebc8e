"""Spans: votes, union and intersection, what overlaps gives way to more votes, scores."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.ensemble.union import Span, fuse_spans, span_scores, span_votes, supplement, without_overlaps

SPANS = st.builds(
    lambda start, length, label: Span(start, start + length, label),
    st.integers(0, 8),
    st.integers(1, 4),
    st.sampled_from(["PER", "LOC"]),
)


def overlap(a, b):
    return a.start < b.end and b.start < a.end


@given(st.dictionaries(SPANS, st.integers(1, 5), max_size=8))
def test_each_span_is_kept_or_gives_way_to_a_kept_one_that_is_no_lighter(weights):
    kept = without_overlaps(weights)
    assert kept == sorted(kept)
    assert not any(overlap(a, b) for a, b in combinations(kept, 2))
    for span in weights.keys() - set(kept):
        assert any(overlap(span, other) and weights[other] >= weights[span] for other in kept)


def test_a_whole_name_is_not_given_up_for_its_two_halves():
    halves = [Span(0, 1, "PER"), Span(1, 2, "PER")]
    assert fuse_spans([[Span(0, 2, "PER")], halves]) == [Span(0, 2, "PER")]
    assert fuse_spans([[Span(0, 2, "PER")], halves, halves[:1]]) == halves


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


@given(st.lists(st.lists(SPANS, max_size=3), min_size=2, max_size=4), st.integers(1, 3))
def test_a_supplement_keeps_all_of_the_first_tagger_and_only_fills_gaps(predictions, at_least):
    first, others = without_overlaps(span_votes(predictions[:1])), predictions[1:]
    fused = supplement(first, others, min(at_least, len(others)))
    assert set(first) <= set(fused)
    assert not any(overlap(a, b) for a, b in combinations(fused, 2))
    votes = span_votes(others)
    assert all(votes[span] >= min(at_least, len(others)) for span in set(fused) - set(first))


def test_a_supplement_adds_where_the_first_tagger_found_nothing():
    first = [Span(0, 2, "PER")]
    others = [[Span(1, 3, "LOC"), Span(5, 6, "ORG")], [Span(5, 6, "ORG"), Span(8, 9, "PER")]]
    assert supplement(first, others) == [*first, Span(5, 6, "ORG"), Span(8, 9, "PER")]
    assert supplement(first, others, 2) == [*first, Span(5, 6, "ORG")]
    assert fuse_spans([first, *others]) == [*first, Span(5, 6, "ORG"), Span(8, 9, "PER")]


def test_a_span_that_only_touches_another_does_not_overlap_it():
    first, others = [Span(2, 4, "PER")], [[Span(0, 2, "ORG")], [Span(4, 5, "LOC")]]
    everything = [Span(0, 2, "ORG"), Span(2, 4, "PER"), Span(4, 5, "LOC")]
    assert supplement(first, others) == everything
    assert fuse_spans([first, *others]) == everything


def test_the_majority_may_overrule_the_best_tagger_where_a_supplement_may_not():
    right, wrong = [Span(0, 2, "PER")], [Span(0, 1, "LOC")]
    assert fuse_spans([right, wrong, wrong]) == wrong
    assert supplement(right, [wrong, wrong]) == right


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
        (lambda: supplement([], []), r"at_least must lie in 1\.\.0, got 1"),
        (lambda: span_votes([]), "predictions must come from one model"),
        (lambda: span_votes([[Span(2, 2, "PER")]]), "0 <= start < end"),
        (lambda: span_scores([[]], []), "one list for each of 0 texts"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
