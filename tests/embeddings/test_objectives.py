"""The three objectives against autograd, plain loops and the axioms of probability."""

import math

import numpy as np
import pytest
import torch

from course_lib.embeddings.huffman import huffman_tree
from course_lib.embeddings.objectives import (
    full_softmax_loss,
    hierarchical_log_probs,
    hierarchical_softmax_loss,
    negative_sampling_gradients,
    negative_sampling_loss,
)


def normal(seed, *shape, device="cpu"):
    numbers = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return numbers.to(device).requires_grad_()


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_closed_form_gradients_of_negative_sampling_equal_autograd(device, weight):
    hidden, positive = normal(0, 7, 5, device=device), normal(1, 7, 5, device=device)
    negative = normal(2, 7, 3, 5, device=device)
    loss = negative_sampling_loss(hidden, positive, negative, weight).sum()
    expected = torch.autograd.grad(loss, (hidden, positive, negative))
    for ours, theirs in zip(
        negative_sampling_gradients(hidden, positive, negative, weight), expected, strict=True
    ):
        assert (ours - theirs).abs().max() < 1e-9


def test_negative_sampling_is_the_sum_over_a_loop():
    hidden, positive = normal(0, 4, 5).detach(), normal(1, 4, 5).detach()
    negative = normal(2, 4, 3, 5).detach()
    losses = negative_sampling_loss(hidden, positive, negative)
    for b in range(4):
        expected = -math.log(1 / (1 + math.exp(-float(hidden[b] @ positive[b]))))
        for k in range(3):
            expected -= math.log(1 / (1 + math.exp(float(hidden[b] @ negative[b, k]))))
        assert losses[b].item() == pytest.approx(expected, abs=1e-12)


def test_probabilities_of_the_hierarchical_softmax_sum_to_one(device):
    counts = np.random.default_rng(0).integers(1, 500, 83)
    hidden, nodes = normal(0, 6, 9, device=device), normal(1, 82, 9, device=device)
    log_probs = hierarchical_log_probs(hidden, nodes, huffman_tree(counts))  # (6, 83)
    assert (log_probs.exp().sum(1) - 1).abs().max() < 1e-12


def test_the_loss_of_a_word_is_minus_its_log_probability(device):
    tree = huffman_tree(np.random.default_rng(0).integers(1, 500, 40))
    hidden, nodes = normal(0, 40, 9, device=device), normal(1, 39, 9, device=device)
    path = torch.from_numpy(tree.nodes).to(device)
    code, mask = torch.from_numpy(tree.codes).to(device), torch.from_numpy(tree.mask).to(device)
    losses = hierarchical_softmax_loss(hidden, nodes[path], code, mask)
    every = hierarchical_log_probs(hidden, nodes, tree)
    assert (losses + every.diagonal()).abs().max() < 1e-12


def test_padding_of_a_short_way_never_changes_loss_or_gradient():
    hidden, nodes = normal(0, 1, 4), normal(1, 1, 5, 4)
    code = torch.tensor([[True, False, True, True, False]])
    mask = torch.tensor([[True, True, False, False, False]])
    loss = hierarchical_softmax_loss(hidden, nodes, code, mask).sum()
    gradient = torch.autograd.grad(loss, nodes)[0]
    short = hierarchical_softmax_loss(hidden, nodes[:, :2], code[:, :2], mask[:, :2]).sum()
    assert loss.item() == pytest.approx(short.item(), abs=1e-15)
    assert gradient[:, 2:].abs().max() == 0


def test_full_softmax_is_minus_the_log_of_a_share():
    hidden, output = normal(0, 3, 4).detach(), normal(1, 6, 4).detach()
    losses = full_softmax_loss(hidden, output, torch.tensor([0, 5, 2]))
    powers = (hidden @ output.T).exp()
    for b, target in enumerate([0, 5, 2]):
        assert losses[b].item() == pytest.approx(-math.log(powers[b, target] / powers[b].sum()), abs=1e-12)
