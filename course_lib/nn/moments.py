"""Means and variances over chosen axes, of what a mask lets count: the statistics that norms are made of.

Which axes share one mean is all in which batch, instance, layer and group norm differ
(Wu & He 2018, arXiv:1803.08494, equations 2 to 7). Half precision is summed in float32.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

Kind = Literal["batch", "instance", "layer", "group"]


class Statistics(NamedTuple):
    """Mean, biased variance and how many elements each was taken over; size 1 on the averaged axes."""

    mean: Tensor
    variance: Tensor
    elements: Tensor | int


def statistic_axes(kind: Kind, ndim: int, channel_axis: int = 1) -> tuple[int, ...]:
    """Which axes of a tensor share one mean and one variance.

    Args:
        kind: "batch", "instance", "layer", or "group", where the channel axis was split in two before:
            the groups at `channel_axis`, a group's own channels behind it.
        ndim: number of axes; axis 0 counts the examples.
        channel_axis: where the channels (features) are; 1 in images, the last one in texts.
    Raises:
        ValueError: for another kind.
    """
    channel = channel_axis % ndim
    kept = {"batch": {channel}, "instance": {0, channel}, "group": {0, channel}}
    if kind == "layer":
        return (channel,)
    if kind not in kept:
        raise ValueError(f"kind must be 'batch', 'instance', 'layer' or 'group', got {kind!r}")
    return tuple(axis for axis in range(ndim) if axis not in kept[kind])


def statistics(x: Tensor, axes: Sequence[int], mask: Tensor | None = None) -> Statistics:
    """Mean and biased variance over some axes, in float32 at least.

    Args:
        x: any shape, a floating dtype.
        axes: the axes whose elements share one mean and one variance.
        mask: bool, broadcastable to `x`; True = counts. What stands elsewhere does not matter.
    Returns:
        Statistics that broadcast against `x`; where nothing counts, mean and variance are 0.
    """
    axes, x = tuple(axes), at_least_float32(x)
    if mask is None:
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        return Statistics(mean, variance, x.numel() // max(mean.numel(), 1))
    check_mask(mask)
    elements = mask.expand_as(x).sum(axes, keepdim=True)
    # μ = Σ x / n,  σ² = Σ (x − μ)² / n, over what counts
    mean = fill(x, mask).sum(axes, keepdim=True) / elements.clamp(min=1)
    variance = fill(x - mean, mask).square().sum(axes, keepdim=True) / elements.clamp(min=1)
    return Statistics(mean, variance, elements)


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision widened, because 300² overflows float16; other dtypes as they are."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def fill(x: Tensor, mask: Tensor | None) -> Tensor:
    """0 where the mask is False: not even a NaN in the padding reaches a result or a gradient."""
    return x if mask is None else x.masked_fill(~mask, 0.0)


def check_mask(mask: Tensor) -> None:
    """ValueError unless the mask is boolean."""
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean (True = counts), got {mask.dtype}")
