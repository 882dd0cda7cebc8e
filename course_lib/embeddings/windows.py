"""From a piece of text to training examples: a window of random reach around each word.

Mikolov et al. 2013, arXiv:1301.3781, section 3.2: the reach is drawn anew for each centre from 1..window,
so that near words are seen more often. Neighbours must stand in the same sentence, after frequent words
were thinned out.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class Windows(NamedTuple):
    """T centres (T,) and their neighbours (T, 2·window) with a mask of those that count."""

    center: Tensor
    context: Tensor
    mask: Tensor


def draw_reach(count: int, window: int, generator: torch.Generator) -> Tensor:
    """Reach of each of `count` centres, uniform over 1..window, (count,) int64."""
    return torch.randint(1, window + 1, (count,), generator=generator, device=generator.device)


def context_windows(ids: Tensor, sentence: Tensor, reach: Tensor, window: int) -> Windows:
    """Neighbours of every token.

    Args:
        ids: (T,) word ids.
        sentence: (T,) sentence numbers.
        reach: (T,) how far each centre looks, at most `window`.
        window: columns to each side.
    Returns:
        Windows; neighbours outside the text are id 0 and do not count.
    """
    size = len(ids)
    offset = torch.cat([torch.arange(-window, 0), torch.arange(1, window + 1)]).to(ids.device)  # (2w,)
    at = torch.arange(size, device=ids.device)[:, None] + offset  # (T, 2w)
    inside = (at >= 0) & (at < size)
    at = at.clamp(0, max(size - 1, 0))
    mask = inside & (offset.abs() <= reach[:, None]) & (sentence[at] == sentence[:, None])
    return Windows(center=ids, context=ids[at].masked_fill(~mask, 0), mask=mask)


def skipgram_pairs(windows: Windows) -> tuple[Tensor, Tensor]:
    """All (centre, neighbour) pairs, each (P,)."""
    row, column = windows.mask.nonzero(as_tuple=True)
    return windows.center[row], windows.context[row, column]
