"""Minibatches whose order depends on the seed and the number of the epoch alone.

So a run that stopped in the middle of an epoch can go on at the next batch without having kept
anything but two numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor


class Data(Protocol):
    """What `fit` trains on."""

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Batches of the numbered epoch, without the first `start`; the same at every call."""
        ...


class Batches:
    """Shuffled batches of a sequence of examples.

    Args:
        examples: anything with a length and integer indexing, one example or more.
        batch_size: examples in a batch, 1 or more; the last batch of an epoch may be smaller.
        collate: makes a batch of a list of examples.
        seed: of the shuffling.
        lengths: (N,) the examples' lengths; if given, examples of similar length share a batch,
            so that less padding is computed.
        shuffle: False keeps the order (and `lengths` then has no effect).
    Raises:
        ValueError: for no examples, a batch size below 1, or lengths of another number.
    """

    def __init__(
        self,
        examples: Sequence[Any],
        batch_size: int,
        collate: Callable[[list[Any]], Any],
        *,
        seed: int,
        lengths: Sequence[int] | np.ndarray | None = None,
        shuffle: bool = True,
    ) -> None:
        if len(examples) == 0:
            raise ValueError("examples must hold at least one example, got none")
        if batch_size < 1:
            raise ValueError(f"batch_size must be 1 or more, got {batch_size}")
        if lengths is not None and len(lengths) != len(examples):
            raise ValueError(f"lengths must have one entry an example ({len(examples)}), got {len(lengths)}")
        self.examples, self.batch_size, self.collate = examples, batch_size, collate
        self.seed, self.shuffle = seed, shuffle
        self.lengths = None if lengths is None else np.asarray(lengths)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.examples) // self.batch_size)

    def epoch(self, number: int, start: int = 0) -> Iterator[Any]:
        """Batches of the numbered epoch, without the first `start`."""
        for chosen in self._order(number)[start:]:
            yield self.collate([self.examples[int(i)] for i in chosen])

    def _order(self, number: int) -> list[np.ndarray]:
        """The epoch's batches as arrays of indices."""
        n = len(self.examples)
        rng = np.random.default_rng([self.seed, number])
        order = rng.permutation(n) if self.shuffle else np.arange(n)
        cuts = np.arange(self.batch_size, n, self.batch_size)
        if self.lengths is None or not self.shuffle:
            return np.split(order, cuts)
        # A stable sort keeps the random order among equal lengths; then the batches are shuffled.
        batches = np.split(order[np.argsort(self.lengths[order], kind="stable")], cuts)
        return [batches[i] for i in rng.permutation(len(batches))]


def to_device(batch: Any, device: torch.device) -> Any:
    """The same nest of tuples, lists and dicts with every tensor on the device."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, Mapping):
        return {key: to_device(value, device) for key, value in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(value, device) for value in batch))
    if isinstance(batch, tuple | list):
        return type(batch)(to_device(value, device) for value in batch)
    return batch
