"""From sentences of ids to padded batches: [CLS] A [SEP], or [CLS] A [SEP] B [SEP] with segments.

Devlin et al. 2019, arXiv:1810.04805, section 3 and figure 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.nn.masks import length_mask, pad

NO_LABEL = -100
"""The label of an example without one; `cross_entropy` leaves it out."""


@dataclass(frozen=True)
class Special:
    """The ids that frame a text."""

    pad_id: int
    cls_id: int
    sep_id: int


@dataclass(frozen=True)
class Example:
    """One framed text.

    Attributes:
        ids: T of them.
        token_type_ids: T of them; 0 for the first segment, 1 for the second.
        label: of the text; `NO_LABEL` for none. For pairs of pre-training 0 says that B follows A.
        word_ids: T of them, the number of each token's word, -1 for special tokens; None if not known.
    """

    ids: list[int]
    token_type_ids: list[int]
    label: int = NO_LABEL
    word_ids: list[int] | None = None

    def __len__(self) -> int:
        return len(self.ids)


class TextBatch(NamedTuple):
    """input_ids (B, T); attention_mask (B, T) bool; token_type_ids (B, T); labels (B,); word_ids (B, T), -1
    where no word stands, or None."""

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor
    labels: Tensor
    word_ids: Tensor | None


def single(
    ids: Sequence[int], special: Special, *, label: int = NO_LABEL, word_ids: Sequence[int] | None = None
) -> Example:
    """[CLS] A [SEP]; `word_ids` numbers the words of `ids`."""
    framed = [special.cls_id, *ids, special.sep_id]
    words = None if word_ids is None else [-1, *word_ids, -1]
    return Example(framed, [0] * len(framed), label, words)


def pair(first: Sequence[int], second: Sequence[int], special: Special, *, label: int = NO_LABEL) -> Example:
    """[CLS] A [SEP] B [SEP]; the second segment begins with B."""
    a, b = [special.cls_id, *first, special.sep_id], [*second, special.sep_id]
    return Example(a + b, [0] * len(a) + [1] * len(b), label)


def collate(examples: Sequence[Example], pad_id: int = 0) -> TextBatch:
    """Pad a batch at the end.

    Raises:
        ValueError: for no examples, an empty one, or word numbers in some but not in all.
    """
    ids, lengths = pad([example.ids for example in examples], pad_id)
    types, _ = pad([example.token_type_ids for example in examples])
    words = [example.word_ids for example in examples if example.word_ids is not None]
    if words and len(words) < len(examples):
        raise ValueError(f"examples must all have word_ids or none, got {len(words)} of {len(examples)}")
    return TextBatch(
        ids,
        length_mask(lengths, ids.shape[1]),
        types,
        torch.tensor([example.label for example in examples]),
        pad(words, -1)[0] if words else None,
    )
