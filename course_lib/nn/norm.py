"""Batch, instance, layer, group and RMS normalisation from one idea: which axes share their statistics.

Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1 (batch); Ba et al. 2016, arXiv:1607.06450, equation 3
(layer); Ulyanov et al. 2016, arXiv:1607.08022, equation 4 (instance); Wu & He 2018, arXiv:1803.08494,
equations 1 to 5 (group); Zhang & Sennrich 2019, arXiv:1910.07467, equation 4 (RMS).
`normalise` is all five; the layers choose axes, scale and shift, and keep running statistics as torch does.
Left out: statistics over several devices (SyncBatchNorm).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

Kind = Literal["batch", "instance", "layer", "group"]


class Statistics(NamedTuple):
    """Mean, biased variance and number of elements; size 1 on the axes they were taken over."""

    mean: Tensor
    variance: Tensor
    count: Tensor | int


def statistics(x: Tensor, axes: Sequence[int], mask: Tensor | None = None) -> Statistics:
    """Mean and biased variance over some axes, in float32 at least.

    Args:
        x: any shape, a floating dtype.
        axes: the axes whose elements share one mean and one variance.
        mask: bool, broadcastable to `x`; True = counts. What stands elsewhere does not matter.
    Returns:
        Statistics that broadcast against `x`; where nothing counts, mean and variance are 0.
    """
    axes, x = tuple(axes), _at_least_float32(x)
    if mask is None:
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        return Statistics(mean, variance, x.numel() // max(mean.numel(), 1))
    mask = mask.expand_as(x)
    count = mask.sum(axes, keepdim=True)
    share = 1.0 / count.clamp(min=1)
    # μ = Σ x / n,  σ² = Σ (x − μ)² / n, over what counts
    mean = x.masked_fill(~mask, 0.0).sum(axes, keepdim=True) * share
    variance = (x - mean).masked_fill(~mask, 0.0).square().sum(axes, keepdim=True) * share
    return Statistics(mean, variance, count)


def normalise(
    x: Tensor, axes: Sequence[int], eps: float = 1e-5, *, mask: Tensor | None = None, centre: bool = True
) -> Tensor:
    """(x − μ) / √(σ² + ε), with μ and σ² taken over `axes`.

    Args:
        x: any shape, a floating dtype.
        axes: over the batch axis this is batch norm, over the features layer norm, and so on.
        eps: added to the variance.
        mask: bool, broadcastable to `x`; True = counts.
        centre: False leaves μ out and divides by the root of the mean square, as RMSNorm does.
    Returns:
        The shape and dtype of `x`; 0 where the mask is False.
    """
    mean, variance, _ = statistics(x, axes, mask)
    if not centre:
        mean, variance = torch.zeros_like(mean), variance + mean.square()  # E x² = σ² + μ²
    y = standardise(x, mean, variance, eps)
    return y if mask is None else y.masked_fill(~mask, 0.0)


def standardise(x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    """(x − mean) / √(variance + eps) for given statistics that broadcast against `x`; the dtype of `x`."""
    return ((_at_least_float32(x) - mean) * torch.rsqrt(variance + eps)).to(x.dtype)


def statistic_axes(kind: Kind, ndim: int, channel_axis: int = 1) -> tuple[int, ...]:
    """Which axes of an example's tensor share their statistics.

    Args:
        kind: "batch", "instance", "layer", or "group" (for a tensor whose channel axis was split in two:
            groups, then channels within a group).
        ndim: number of axes of x; axis 0 counts the examples.
        channel_axis: the axis of the channels (features); 1 in images, -1 in texts.
    """
    channel = channel_axis % ndim
    every = set(range(ndim))
    if kind == "batch":
        return tuple(sorted(every - {channel}))
    if kind == "instance":
        return tuple(sorted(every - {0, channel}))
    if kind == "layer":
        return (channel,)
    if kind == "group":
        return tuple(sorted(every - {0, channel}))
    raise ValueError(f"kind must be 'batch', 'instance', 'layer' or 'group', got {kind!r}")


class LayerNorm(nn.Module):
    """Each vector of the last axis by its own mean and variance: no other word, no other example.

    A drop-in for `torch.nn.LayerNorm` over one axis, whose fused kernel it runs; `normalise` is its definition.

    Args:
        size: D, the width of the last axis.
        eps: ε; BERT takes 1e-12.
        bias: whether a shift is learned.
    """

    def __init__(self, size: int, eps: float = 1e-5, *, bias: bool = True) -> None:
        super().__init__()
        self.size, self.eps = _positive("size", size), eps
        self.weight = nn.Parameter(torch.ones(size))
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        _check_width(x, self.size, -1)
        return nn.functional.layer_norm(x, (self.size,), self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.size}, eps={self.eps}"


class RMSNorm(nn.Module):
    """Each vector of the last axis divided by the root of its mean square; no mean, no shift.

    Args:
        size: D, the width of the last axis.
        eps: ε, added to the mean square.
    """

    def __init__(self, size: int, eps: float = 1e-6) -> None:
        super().__init__()
        self.size, self.eps = _positive("size", size), eps
        self.weight = nn.Parameter(torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        _check_width(x, self.size, -1)
        return normalise(x, (-1,), self.eps, centre=False) * self.weight.to(x.dtype)

    def extra_repr(self) -> str:
        return f"{self.size}, eps={self.eps}"


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def _check_width(x: Tensor, size: int, axis: int) -> None:
    if x.dim() < 1 or x.shape[axis] != size:
        raise ValueError(f"x must have {size} features on axis {axis}, got shape {tuple(x.shape)}")
