"""The three output layers of word2vec as learners: each holds its rows and takes one step at a time.

Mikolov et al. 2013, arXiv:1310.4546, section 2. The losses are those of `objectives`; autograd
differentiates them with respect to the rows that take part, and only those rows change, so the cost of a
step does not depend on V except in the full softmax.
"""

from typing import Protocol

import torch
from torch import Tensor

from course_lib.embeddings.huffman import HuffmanTree
from course_lib.embeddings.noise import draw_noise
from course_lib.embeddings.objectives import (
    full_softmax_loss,
    hierarchical_softmax_loss,
    negative_sampling_loss,
)
from course_lib.embeddings.rows import add_rows_, gather


class OutputLayer(Protocol):
    """Predicts a target word from a hidden vector and learns from its error.

    Attributes:
        matrix: the layer's rows, (V, E), or (V−1, E) for the inner nodes of a tree.
    """

    matrix: Tensor

    def step(self, hidden: Tensor, target: Tensor, lr: float) -> tuple[Tensor, Tensor, Tensor]:
        """Take one step on B examples.

        Args:
            hidden: (B, E).
            target: (B,) word ids.
            lr: step size of one example.
        Returns:
            Summed loss; its gradient with respect to hidden, (B, E), before the step; terms of the loss
            that each hidden vector met, (B,).
        """
        ...


class FullSoftmax:
    """Every word's row in every step: cost B × V × E."""

    def __init__(self, matrix: Tensor, limit: float) -> None:
        self.matrix, self.limit = matrix, limit

    def step(self, hidden: Tensor, target: Tensor, lr: float) -> tuple[Tensor, Tensor, Tensor]:
        """See `OutputLayer.step`."""
        hidden, output = _leaf(hidden), _leaf(self.matrix)
        loss = full_softmax_loss(hidden, output, target).sum()
        d_hidden, d_output = torch.autograd.grad(loss, (hidden, output))
        every = torch.arange(len(output), device=target.device)
        # A row's gradient holds its target count, and as much again from the examples that were not it.
        terms = 2 * torch.bincount(target, minlength=len(output))
        add_rows_(self.matrix, every, d_output, lr, terms, self.limit)
        return loss.detach(), d_hidden, torch.ones_like(target)


class NegativeSampling:
    """The target's row and k noise rows: cost B × (k+1) × E. Each example draws its own noise."""

    def __init__(
        self, matrix: Tensor, table: Tensor, negative: int, generator: torch.Generator, limit: float
    ) -> None:
        self.matrix, self.table, self.negative = matrix, table, negative
        self.generator, self.limit = generator, limit

    def step(self, hidden: Tensor, target: Tensor, lr: float) -> tuple[Tensor, Tensor, Tensor]:
        """See `OutputLayer.step`."""
        noise = draw_noise(self.table, (len(target), self.negative), self.generator)
        ids = torch.cat([target[:, None], noise], dim=1)  # (B, 1+K)
        hidden, rows = _leaf(hidden), _leaf(gather(self.matrix, ids))
        loss = negative_sampling_loss(hidden, rows[:, 0], rows[:, 1:]).sum()
        d_hidden, d_rows = torch.autograd.grad(loss, (hidden, rows))
        add_rows_(self.matrix, ids, d_rows, lr, torch.ones_like(ids), self.limit)
        return loss.detach(), d_hidden, torch.full_like(target, self.negative + 1)


class HierarchicalSoftmax:
    """The inner nodes on the way to the target: cost B × (code length) × E, about log₂ V of them."""

    def __init__(self, matrix: Tensor, tree: HuffmanTree, limit: float) -> None:
        self.matrix, self.limit = matrix, limit
        self.nodes = torch.from_numpy(tree.nodes).to(matrix.device)
        self.codes = torch.from_numpy(tree.codes).to(matrix.device)
        self.mask = torch.from_numpy(tree.mask).to(matrix.device)

    def step(self, hidden: Tensor, target: Tensor, lr: float) -> tuple[Tensor, Tensor, Tensor]:
        """See `OutputLayer.step`."""
        mask = self.mask[target]  # (B, D)
        depth = int(mask.any(0).sum())  # the batch's longest way; the rest would be padding
        ids, code, mask = self.nodes[target, :depth], self.codes[target, :depth], mask[:, :depth]
        hidden, rows = _leaf(hidden), _leaf(gather(self.matrix, ids))
        loss = hierarchical_softmax_loss(hidden, rows, code, mask).sum()
        d_hidden, d_rows = torch.autograd.grad(loss, (hidden, rows))
        add_rows_(self.matrix, ids, d_rows, lr, mask, self.limit)
        return loss.detach(), d_hidden, mask.sum(1)


def _leaf(tensor: Tensor) -> Tensor:
    """The same numbers as a leaf that autograd differentiates."""
    return tensor.detach().requires_grad_()
