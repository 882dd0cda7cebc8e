"""The fast trainer's step is the plain objective's step."""

import pytest
import torch

from course_lib.embeddings import sgns
from course_lib.embeddings.objectives import negative_sampling_loss
from course_lib.embeddings.sgns import BlockStep, block_gradients, block_loss, cut_blocks

WINDOW, WIDTH, SHARED, NEGATIVE = 3, 4, 6, 5


def text(device, tokens=22, words=9):
    """Ids, sentence numbers and reach of a small text between margins."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(words, (tokens,), generator=generator)
    sentence = torch.arange(tokens) // 5
    reach = torch.randint(1, WINDOW + 1, (tokens,), generator=generator)
    pad = (WINDOW, WINDOW)
    ids, sentence = torch.nn.functional.pad(ids, pad), torch.nn.functional.pad(sentence, pad, value=-1)
    return ids.to(device), sentence.to(device), reach.to(device)


def pairs_by_block(ids, sentence, reach):
    """(block, centre id, neighbour id) by plain loops over centres."""
    found = []
    for i in range(len(reach)):
        for j in range(len(ids)):
            at = i + WINDOW
            if j != at and abs(j - at) <= reach[i] and sentence[j] == sentence[at]:
                found.append((i // WIDTH, int(ids[at]), int(ids[j])))
    return found


def test_blocks_hold_every_pair_exactly_once(device):
    ids, sentence, reach = text(device)
    pad = (0, -len(reach) % WIDTH)
    blocks = cut_blocks(*(torch.nn.functional.pad(x, pad) for x in (ids, sentence, reach)), WIDTH, WINDOW)
    n, i, j = blocks.band.nonzero(as_tuple=True)
    got = zip(n.tolist(), blocks.center[n, i].tolist(), blocks.context[n, j].tolist(), strict=True)
    assert sorted(got) == sorted(pairs_by_block(ids, sentence, reach))


def test_closed_form_block_gradients_equal_autograd(device):
    generator = torch.Generator().manual_seed(1)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).to(device).requires_grad_()

    center, other = normal(3, WIDTH, 8), normal(3, 10 + SHARED, 8)
    weight = torch.rand(3, WIDTH, 10 + SHARED, generator=generator, dtype=torch.float64).to(device)
    expected = torch.autograd.grad(block_loss(center, other, weight, 10), (center, other))
    with torch.no_grad():
        got = block_gradients(center, other, weight, 10)
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours - theirs).abs().max() < 1e-9


def test_one_fast_step_is_the_plain_pair_losses_step_given_the_same_noise(device, monkeypatch):
    ids, sentence, reach = text(device)
    n = -(-len(reach) // WIDTH)
    noise = torch.randint(9, (n, SHARED), generator=torch.Generator().manual_seed(2)).to(device)
    monkeypatch.setattr(sgns, "draw_noise", lambda *_: noise)
    generator = torch.Generator().manual_seed(3)
    word = torch.randn(9, 8, generator=generator, dtype=torch.float64).to(device)
    context = torch.randn(9, 8, generator=generator, dtype=torch.float64).to(device)

    found = pairs_by_block(ids, sentence, reach)
    block, center, target = (torch.tensor(column, device=device) for column in zip(*found, strict=True))
    v, u = word.clone().requires_grad_(), context.clone().requires_grad_()
    losses = negative_sampling_loss(v[center], u[target], u[noise[block]], NEGATIVE / SHARED)
    d_v, d_u = torch.autograd.grad(losses.sum(), (v, u))

    step = BlockStep(
        word, context, torch.empty(0), generator, WINDOW, NEGATIVE, SHARED, WIDTH, limit=float("inf")
    )
    expected_word, expected_context = word - 0.1 * d_v, context - 0.1 * d_u
    loss, pairs = step(ids, sentence, reach, 0.1, True)
    assert pairs == len(found)
    assert loss.item() == pytest.approx(losses.sum().item(), abs=1e-9)
    assert (step.input - expected_word).abs().max() < 1e-9
    assert (step.output - expected_context).abs().max() < 1e-9
