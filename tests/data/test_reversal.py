"""The reversal task: what it asks, and that its batches repeat."""

import pytest
import torch

from course_lib.data.reversal import END, PAD, START, Reversals, reversals


def make(n=200, seed=0):
    return reversals(n, 5, 2, 6, torch.Generator().manual_seed(seed))


def test_the_target_is_the_source_backwards_between_start_and_end():
    batch = make()
    for source, target, mask in zip(*(x.tolist() for x in batch), strict=True):
        n = sum(mask)
        assert mask == [True] * n + [False] * (6 - n)
        assert target == [START, *source[:n][::-1], END] + [PAD] * (6 - n)
        assert source[n:] == [PAD] * (6 - n)


def test_every_length_and_every_symbol_occurs():
    batch = make()
    assert set(batch.source_mask.sum(1).tolist()) == {2, 3, 4, 5, 6}
    assert set(batch.source[batch.source_mask].tolist()) == {3, 4, 5, 6, 7}


def test_an_epoch_goes_on_where_it_was_and_epochs_differ():
    data = Reversals(4, 5, 2, 6, seed=1, batches=3)
    whole = [batch.source for batch in data.epoch(0)]
    rest = [batch.source for batch in data.epoch(0, start=1)]
    assert len(data) == len(whole) == 3
    assert all(torch.equal(a, b) for a, b in zip(whole[1:], rest, strict=True))
    following = next(iter(data.epoch(1))).source
    assert not any(torch.equal(following, batch) for batch in whole)
    assert not torch.equal(next(iter(Reversals(4, 5, 2, 6, seed=2).epoch(0))).source, whole[0])


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="n, symbols and shortest must be 1 or more, got 0, 5 and 2"):
        reversals(0, 5, 2, 6, torch.Generator())
    with pytest.raises(ValueError, match=r"longest must be 3 \(shortest\) or more, got 2"):
        reversals(1, 5, 3, 2, torch.Generator())
