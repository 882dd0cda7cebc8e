"""From a span head's logits to answers that are spans.

Devlin et al. 2019, arXiv:1810.04805, sections 4.2 and 4.3: the score of a span is the sum of its start's and
its end's logit, and the answer is the best span that does not end before it starts.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor


class Spans(NamedTuple):
    """First and last token of each answer (B,) and the sum of their logits (B,)."""

    start: Tensor
    end: Tensor
    score: Tensor


def best_spans(logits: Tensor, allowed: Tensor, *, max_length: int = 30) -> Spans:
    """The best answer of each row with start <= end < start + `max_length`.

    start and end chosen one by one may cross; here all B·T·`max_length` pairs compete.

    Args:
        logits: (B, T, 2).
        allowed: (B, T) bool, True at tokens that may begin or end an answer (the second text, say).
        max_length: most tokens of an answer, 1 or more.
    Raises:
        ValueError: for a length below 1, a mask of another shape or type, or a row that allows nothing.
    """
    if max_length < 1:
        raise ValueError(f"max_length must be 1 or more, got {max_length}")
    if allowed.dtype != torch.bool or allowed.shape != logits.shape[:2]:
        raise ValueError(
            f"allowed must be boolean {list(logits.shape[:2])}, got {allowed.dtype} {list(allowed.shape)}"
        )
    if not bool(allowed.any(-1).all()):
        raise ValueError("allowed must leave at least one token in each row, got a row without")
    start, end = logits.masked_fill(~allowed.unsqueeze(-1), -torch.inf).unbind(-1)
    # (B, T, length): column k of row t is the end at t + k
    ends = F.pad(end, (0, max_length - 1), value=-torch.inf).unfold(1, max_length, 1)
    score, where = (start.unsqueeze(-1) + ends).flatten(1).max(-1)
    first = torch.div(where, max_length, rounding_mode="floor")
    return Spans(first, first + where % max_length, score)
