"""Masks that are drawn beforehand, once or ten times, or anew for each epoch.

Liu et al. 2019, arXiv:1907.11692, section 4.1. BERT's data were masked when they were written to disk, ten
times over, so that 40 epochs showed each mask four times. Dynamic masking draws when a text is read. Here all
three are one thing: a text's mask in epoch e comes from a seed that is e modulo the number of copies, or e
itself. Everything else of an epoch, such as the order, stays equal, which makes the three comparable.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.pretraining.bert import BertForPreTraining
from course_lib.pretraining.examples import Example, TextBatch, collate
from course_lib.pretraining.masking import Corruption
from course_lib.pretraining.tasks import MaskedLM, masked_lm_loss
from course_lib.training.batches import Batches, to_device

MaskedBatch = tuple[TextBatch, Corruption]


class MaskedBatches:
    """Data for `training.fit`: batches with their masks.

    Args:
        examples: N of them.
        batch_size: examples in a batch.
        task: draws the masks.
        copies: different masks of a text: 1 is static, 10 is BERT's, None draws for each epoch.
        seed: of order and masks.
        pad_id: the padding's id.
    Raises:
        ValueError: for no examples, a batch size or a number of copies below 1.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        batch_size: int,
        task: MaskedLM,
        *,
        copies: int | None = None,
        seed: int = 0,
        pad_id: int = 0,
    ) -> None:
        if copies is not None and copies < 1:
            raise ValueError(f"copies must be 1 or more, or None for dynamic masks, got {copies}")
        lengths = [len(example) for example in examples]
        self.rows = Batches(range(len(examples)), batch_size, torch.tensor, seed=seed, lengths=lengths)
        self.whole, self.lengths = collate(examples, pad_id), torch.tensor(lengths)
        self.task, self.copies, self.seed = task, copies, seed
        self._drawn: tuple[int, Corruption] | None = None

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.rows)

    def copy(self, number: int) -> int:
        """Which of the texts' masks epoch `number` shows."""
        return number if self.copies is None else number % self.copies

    def corruption(self, number: int) -> Corruption:
        """All texts (N, T) as epoch `number` shows them."""
        copy = self.copy(number)
        if self._drawn is None or self._drawn[0] != copy:
            # A stream of random numbers for each copy, mixed so that neighbouring seeds are unlike.
            mixed = int(np.random.SeedSequence([self.seed, copy]).generate_state(1)[0])
            self._drawn = copy, self.task.corrupt(self.whole, torch.Generator().manual_seed(mixed))
        return self._drawn[1]

    def epoch(self, number: int, start: int = 0) -> Iterator[MaskedBatch]:
        """Batches of the numbered epoch, without the first `start`."""
        corruption = self.corruption(number)
        for rows in self.rows.epoch(number, start):
            size = int(self.lengths[rows].max())
            yield _cut(self.whole, rows, size), Corruption(*(part[rows, :size] for part in corruption))


def _cut(batch: TextBatch, rows: Tensor, size: int) -> TextBatch:
    """Some rows of a batch, without the columns that are padding in all of them."""
    ids, mask, types, labels, words = batch
    words = None if words is None else words[rows, :size]
    return TextBatch(ids[rows, :size], mask[rows, :size], types[rows, :size], labels[rows], words)


def given_masks_loss(model: nn.Module, batch: MaskedBatch) -> tuple[Tensor, int, dict[str, Tensor]]:
    """The loss function for `training.fit` on `MaskedBatches`: masked words alone."""
    return masked_lm_loss(model, *batch)


@torch.no_grad()
def mean_loss(model: BertForPreTraining, batches: Iterable[MaskedBatch]) -> float:
    """Nats a masked word.

    Args:
        model: in evaluation mode.
        batches: for example `data.epoch(0)`, whose masks are the same for every model that is asked.
    """
    device = model.masked_lm.bias.device
    total, count = torch.zeros((), device=device), torch.zeros((), device=device)
    for batch in batches:
        texts, corruption = to_device(batch, device)
        states = model.bert(corruption.inputs, texts.attention_mask, texts.token_type_ids).last_hidden_state
        loss, words = model.masked_lm_loss(states, corruption.targets, corruption.counts)
        total, count = total + loss, count + words
    return float(total / count)


def distinct_masks(data: MaskedBatches, epochs: int) -> list[int]:
    """How many different masks each of the N texts shows in the first `epochs` epochs."""
    seen: list[set[bytes]] = [set() for _ in data.lengths]
    for number in range(epochs):
        for masks, row in zip(seen, data.corruption(number).counts.numpy(), strict=True):
            masks.add(row.tobytes())
    return [len(masks) for masks in seen]
