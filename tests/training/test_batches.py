"""Batches: every example once an epoch, in an order that seed and epoch decide."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.training.batches import Batches


def identity(batch):
    return batch


@given(n=st.integers(1, 60), size=st.integers(1, 12), start=st.integers(0, 10), by_length=st.booleans())
def test_every_epoch_holds_each_example_once_and_can_be_entered_anywhere(n, size, start, by_length):
    lengths = np.arange(n)[::-1] % 7 if by_length else None
    batches = Batches(range(n), size, identity, seed=4, lengths=lengths)
    whole = list(batches.epoch(2))
    assert sorted(i for batch in whole for i in batch) == list(range(n))
    assert len(whole) == len(batches)
    assert list(batches.epoch(2, start)) == whole[start:]


def test_epochs_and_seeds_differ_and_repeat():
    first, second = Batches(range(50), 5, identity, seed=0), Batches(range(50), 5, identity, seed=1)
    assert list(first.epoch(0)) == list(first.epoch(0))
    assert list(first.epoch(0)) != list(first.epoch(1))
    assert list(first.epoch(0)) != list(second.epoch(0))


def test_similar_lengths_share_a_batch():
    lengths = np.random.default_rng(0).integers(1, 40, 200)
    batches = Batches(range(200), 10, identity, seed=0, lengths=lengths)
    spread = [np.ptp(lengths[batch]) for batch in batches.epoch(0)]
    assert max(spread) <= 6


@pytest.mark.parametrize(
    ("arguments", "name"),
    [(([], 2, identity), "examples"), ((range(3), 0, identity), "batch_size")],
)
def test_bad_arguments_are_refused_by_name(arguments, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        Batches(*arguments, seed=0)
    with pytest.raises(ValueError, match=r"^lengths must"):
        Batches(range(3), 1, identity, seed=0, lengths=[1])
