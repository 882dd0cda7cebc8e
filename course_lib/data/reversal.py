"""Sequences to be written backwards: the smallest task that needs a reader, a writer and positions.

To write symbol t of the answer a model must find place n - 1 - t of a source of n symbols, so a model that
does not know where a symbol stands, or that sees the padding, cannot do it. The symbols are uniform and
independent: nothing can be guessed from the answer so far. Batches are made when they are asked for.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.nn.masks import length_mask, reverse

PAD, START, END = 0, 1, 2
"""Ids that are no symbols; symbols come after them."""


class PairBatch(NamedTuple):
    """Source ids (B, S), target ids (B, T) from START to END, and where the source counts (B, S) bool."""

    source: Tensor
    target: Tensor
    source_mask: Tensor


def reversals(n: int, symbols: int, shortest: int, longest: int, generator: torch.Generator) -> PairBatch:
    """n random sequences and their reversals.

    Args:
        n: B.
        symbols: how many there are; ids run from 3 to symbols + 2.
        shortest, longest: bounds of the uniform length, 1 or more; S is `longest`, T is `longest` + 2.
        generator: of the lengths and symbols.
    Raises:
        ValueError: for a number below 1, or `longest` below `shortest`.
    """
    if min(n, symbols, shortest) < 1:
        raise ValueError(f"n, symbols and shortest must be 1 or more, got {n}, {symbols} and {shortest}")
    if longest < shortest:
        raise ValueError(f"longest must be {shortest} (shortest) or more, got {longest}")
    lengths = torch.randint(shortest, longest + 1, (n,), generator=generator)
    mask = length_mask(lengths, longest)
    ids = torch.randint(END + 1, END + 1 + symbols, (n, longest), generator=generator)
    source = ids.masked_fill(~mask, PAD)
    target = torch.full((n, longest + 2), PAD)
    target[:, 0] = START
    target[:, 1:-1] = reverse(source, lengths)
    target[torch.arange(n), lengths + 1] = END
    return PairBatch(source, target, mask)


class Reversals:
    """Fresh batches without end, for `training.fit`.

    Args:
        batch_size: B.
        symbols, shortest, longest: as in `reversals`.
        seed: of everything.
        batches: in what is called an epoch.
    """

    def __init__(
        self, batch_size: int, symbols: int, shortest: int, longest: int, *, seed: int, batches: int = 100
    ) -> None:
        self.sizes = (batch_size, symbols, shortest, longest)
        self.seed, self.batches = seed, batches

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int, start: int = 0) -> Iterator[PairBatch]:
        """Batches of the numbered epoch, without the first `start`; the same at every call."""
        for i in range(start, self.batches):
            place = number * self.batches + i
            yield reversals(*self.sizes, torch.Generator().manual_seed(self.seed * 1_000_003 + place))
