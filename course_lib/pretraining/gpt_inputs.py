"""GPT-1's way to give one model four kinds of task: write each as one or more texts with three new tokens.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", section 3.3 and figure 1.
Every text begins with a start token and ends with an extract token, whose state goes to the task's head;
a delimiter stands between parts. The model itself stays as it was pre-trained.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from course_lib.nn.masks import length_mask, pad

Ids = Sequence[int]
Texts = list[list[int]]


class SpecialTokens(NamedTuple):
    """The ids of the three new tokens; `GPT.add_tokens_(3)` makes their rows."""

    start: int
    delimiter: int
    extract: int


def classification(text: Ids, special: SpecialTokens) -> Texts:
    """One text: start, text, extract."""
    return [[special.start, *text, special.extract]]


def entailment(premise: Ids, hypothesis: Ids, special: SpecialTokens) -> Texts:
    """One text: start, premise, delimiter, hypothesis, extract. The order has a meaning and is kept."""
    return [[special.start, *premise, special.delimiter, *hypothesis, special.extract]]


def similarity(first: Ids, second: Ids, special: SpecialTokens) -> Texts:
    """Two texts, one for each order, because neither order has a meaning.

    The model reads from the left, so the two give different states; the head takes their sum.
    """
    return [*entailment(first, second, special), *entailment(second, first, special)]


def multiple_choice(context: Ids, question: Ids, answers: Sequence[Ids], special: SpecialTokens) -> Texts:
    """One text for each answer: start, context, question, delimiter, answer, extract.

    Raises:
        ValueError: for fewer than two answers.
    """
    if len(answers) < 2:
        raise ValueError(f"answers must be two or more, got {len(answers)}")
    return [entailment([*context, *question], answer, special)[0] for answer in answers]


def stack(examples: Sequence[tuple[Texts, int]], pad_id: int = 0) -> dict[str, Tensor]:
    """Make a batch.

    Args:
        examples: B pairs of texts and label; every example has the same number N of texts.
        pad_id: the id that fills up.
    Returns:
        `input_ids` (B, N, T) int64, `attention_mask` (B, N, T) bool, `labels` (B,) int64.
    Raises:
        ValueError: for no examples, or examples with different numbers of texts.
    """
    numbers = {len(texts) for texts, _ in examples}
    if len(numbers) != 1:
        raise ValueError(f"examples must all have the same number of texts, got {sorted(numbers)}")
    ids, lengths = pad([text for texts, _ in examples for text in texts], pad_id)
    mask = length_mask(lengths, ids.shape[1])
    shape = (len(examples), numbers.pop(), ids.shape[1])
    return {
        "input_ids": ids.view(shape),
        "attention_mask": mask.view(shape),
        "labels": torch.tensor([label for _, label in examples]),
    }
