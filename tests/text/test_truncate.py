"""Truncation: examples by hand, properties, and BERT's loop as the oracle for pairs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.text.truncate import truncate, truncate_pair

TEXT = list("abcdefgh")


def test_the_three_ways_by_hand():
    assert truncate(TEXT, 4, "post") == list("abcd")
    assert truncate(TEXT, 4, "pre") == list("efgh")
    assert truncate(TEXT, 4, "middle") == list("afgh")
    assert truncate(TEXT, 4, "middle", head_share=0.5) == list("abgh")


def test_the_papers_head_and_tail():
    kept = truncate(range(1000), 510, "middle", head_share=128 / 510)
    assert kept[:128] == list(range(128))
    assert kept[128:] == list(range(1000 - 382, 1000))


@given(st.integers(0, 12), st.integers(0, 12), st.sampled_from(["pre", "post", "middle"]), st.floats(0, 1))
def test_a_truncated_text_keeps_its_order_and_is_no_longer_than_wanted(n, length, how, share):
    kept = truncate(range(n), length, how, head_share=share)
    assert len(kept) == min(n, length)
    assert kept == sorted(set(kept))


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 16))
def test_pairs_are_those_of_the_loop_that_drops_one_token_at_a_time(a, b, length):
    x, y = list(range(a)), list(range(b))
    while len(x) + len(y) > length:
        (x if len(x) > len(y) else y).pop()
    assert truncate_pair(range(a), range(b), length) == (x, y)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match="length must be 0 or more"):
        truncate(TEXT, -1)
    with pytest.raises(ValueError, match="length must be 0 or more"):
        truncate_pair(TEXT, TEXT, -1)
    with pytest.raises(ValueError, match=r"head_share must lie in 0\.\.1"):
        truncate(TEXT, 3, "middle", head_share=2)
    with pytest.raises(ValueError, match="how must be"):
        truncate(TEXT, 3, "centre")
