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
    """input_ids (B, T); attention_mask (B, T) bool; token_type_ids (B, T); labels (B,), or what a head asks
    for; word_ids (B, T), -1 where no word stands, or None. Of choices the first three are (B, K, T)."""

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


def collate_choices(
    questions: Sequence[Sequence[Example]], labels: Sequence[int], pad_id: int = 0
) -> TextBatch:
    """K examples for each question, padded together: ids, mask and segments (B, K, T).

    Args:
        questions: B questions with the same number K of examples each.
        labels: B of them, which example is right.
        pad_id: fills up.
    Raises:
        ValueError: for no questions, unequal numbers of choices, or another number of labels.
    """
    sizes = sorted({len(question) for question in questions})
    if len(sizes) != 1 or sizes[0] == 0:
        raise ValueError(f"questions must all have the same number of choices, 1 or more, got {sizes}")
    if len(labels) != len(questions):
        raise ValueError(f"labels must be one a question ({len(questions)}), got {len(labels)}")
    batch = collate([example for question in questions for example in question], pad_id)
    shape = (len(questions), sizes[0], -1)
    ids, mask, types = (x.view(shape) for x in batch[:3])
    return TextBatch(ids, mask, types, torch.tensor(list(labels)), None)


def label_first_pieces(word_ids: Tensor, labels: Sequence[Sequence[int]]) -> Tensor:
    """Labels of words as labels of tokens: a word's first piece carries it, the others carry none.

    Args:
        word_ids: (B, T) as in `TextBatch`: words numbered from 0 in each row, -1 elsewhere.
        labels: for each row one label a word; words cut off at the end may have labels too.
    Returns:
        (B, T), `NO_LABEL` where no word begins.
    Raises:
        ValueError: for another number of rows, or a row with more words than labels.
    """
    if len(labels) != len(word_ids):
        raise ValueError(f"labels must have one row a text ({len(word_ids)}), got {len(labels)}")
    before = torch.cat([torch.full_like(word_ids[:, :1], -1), word_ids[:, :-1]], dim=1)
    first = (word_ids >= 0) & (word_ids != before)
    out = torch.full_like(word_ids, NO_LABEL)
    for row, own in enumerate(labels):
        which = word_ids[row][first[row]]
        if len(which) and int(which.max()) >= len(own):
            raise ValueError(
                f"labels must be one a word ({int(which.max()) + 1} in row {row}), got {len(own)}"
            )
        out[row][first[row]] = torch.as_tensor(own, dtype=out.dtype, device=out.device)[which]
    return out
