"""Masks: padding is invisible, masked weights are 0 and not merely small."""

import pytest
import torch

from course_lib.nn import masks


def test_pad_fills_at_the_end_and_remembers_the_lengths():
    ids, lengths = masks.pad([[3, 1], [2], torch.tensor([5, 6, 7])], value=9)
    assert ids.tolist() == [[3, 1, 9], [2, 9, 9], [5, 6, 7]]
    assert lengths.tolist() == [2, 1, 3]
    assert ids.dtype == torch.int64


def test_length_mask_and_causal_mask_say_what_counts(device):
    assert masks.length_mask(torch.tensor([0, 2, 3], device=device), 3).tolist() == [
        [False, False, False],
        [True, True, False],
        [True, True, True],
    ]
    assert masks.causal_mask(3, device).tolist() == [[True, False, False], [True, True, False], [True] * 3]


def test_reverse_turns_each_sequence_within_its_length_and_twice_is_nothing(device):
    x = torch.tensor([[1, 2, 3, 9], [4, 9, 9, 9], [5, 6, 7, 8]], device=device)
    lengths = torch.tensor([3, 1, 4], device=device)
    turned = masks.reverse(x, lengths)
    assert turned.tolist() == [[3, 2, 1, 9], [4, 9, 9, 9], [8, 7, 6, 5]]
    deep = torch.randn(3, 4, 5, device=device)
    assert torch.equal(masks.reverse(masks.reverse(deep, lengths), lengths), deep)
    assert torch.equal(masks.reverse(x.unsqueeze(-1), lengths).squeeze(-1), turned)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_masked_softmax_gives_masked_positions_exactly_zero(device, dtype):
    scores = torch.tensor([[9.0, 1.0, 2.0], [1.0, 2.0, 3.0]], device=device, dtype=dtype, requires_grad=True)
    mask = torch.tensor([[False, True, True], [False, False, False]], device=device)
    weights = masks.masked_softmax(scores, mask)
    torch.testing.assert_close(weights[0, 1:], scores[0, 1:].softmax(-1))
    assert float(weights.detach()[0, 0]) == 0
    assert weights[1].tolist() == [0, 0, 0]
    weights.square().sum().backward()
    assert torch.isfinite(scores.grad).all()
    assert (scores.grad[~mask] == 0).all()


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^sequences must hold"):
        masks.pad([])
    with pytest.raises(ValueError, match=r"^sequences must have"):
        masks.pad([[1], []])
    with pytest.raises(ValueError, match=r"^mask must be boolean"):
        masks.masked_softmax(torch.zeros(2), torch.ones(2))
