"""Batch, instance, layer, group and RMS normalisation from one idea: which axes share their statistics.

Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithms 1 and 2 (batch); Ba et al. 2016, arXiv:1607.06450,
equation 3 (layer); Ulyanov et al. 2016, arXiv:1607.08022 (instance); Wu & He 2018,
arXiv:1803.08494, section 3.1 (group); Zhang & Sennrich 2019, arXiv:1910.07467, equation 4 (RMS).
`normalise` is all of them; the layers add scale, shift and running statistics, by torch's conventions.
Left out: statistics over several devices.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_lib.nn.moments import (
    Kind,
    Statistics,
    at_least_float32,
    check_mask,
    fill,
    statistic_axes,
    statistics,
)

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "RMSNorm", "normalise", "standardise"]


def normalise(
    x: Tensor, axes: Sequence[int], eps: float = 1e-5, *, mask: Tensor | None = None, centre: bool = True
) -> Tensor:
    """(x − μ) / √(σ² + ε), with μ and σ² over `axes`.

    Args:
        x: any shape, a floating dtype.
        axes: with the batch axis among them this is batch norm, with the features alone layer norm, ...
        eps: ε, added to the variance.
        mask: bool, broadcastable to `x`; True = counts.
        centre: False takes 0 for μ: x divided by its root mean square, as in RMSNorm.
    Returns:
        The shape and dtype of `x`; 0 where the mask is False.
    """
    x = fill(x, mask)
    if centre:
        mean, variance, _ = statistics(x, axes, mask)
    else:
        mean, variance = x.new_zeros(()), statistics(at_least_float32(x).square(), axes, mask).mean
    return fill(standardise(x, mean, variance, eps).to(x.dtype), mask)


def standardise(x: Tensor, mean: Tensor, variance: Tensor, eps: float) -> Tensor:
    """(x − μ) / √(σ² + ε) for given statistics that broadcast against `x`; in float32 at least."""
    return (at_least_float32(x) - mean) * torch.rsqrt(variance + eps)


class _Norm(nn.Module):
    """Size, ε and a scale, which every layer has; the features stand on `channel_axis`."""

    def __init__(self, size: int, eps: float, affine: bool, channel_axis: int) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"size must be at least 1, got {size}")
        self.size, self.eps, self.channel_axis = size, eps, channel_axis
        self.weight = nn.Parameter(torch.ones(size)) if affine else None

    def extra_repr(self) -> str:
        return f"{self.size}, eps={self.eps}, channel_axis={self.channel_axis}"

    def _check(self, x: Tensor, least_axes: int = 1) -> None:
        if x.dim() < least_axes or x.shape[self.channel_axis] != self.size:
            raise ValueError(
                f"x must have {least_axes} axes or more and {self.size} features on axis "
                f"{self.channel_axis}, got shape {tuple(x.shape)}"
            )


class LayerNorm(_Norm):
    """Each vector of the last axis by its own mean and variance: no other word, no other example.

    A drop-in for `torch.nn.LayerNorm` over one axis, whose kernel it runs; `normalise` is the definition.
    It needs no mask, because padding shares no statistics with words.

    Args:
        size: D, the width of the last axis.
        eps: ε; BERT takes 1e-12.
        bias: whether a shift is learned.
    """

    def __init__(self, size: int, eps: float = 1e-5, *, bias: bool = True) -> None:
        super().__init__(size, eps, True, -1)
        self.bias = nn.Parameter(torch.zeros(size)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        self._check(x)
        return nn.functional.layer_norm(x, (self.size,), self.weight, self.bias, self.eps)


class RMSNorm(_Norm):
    """Each vector of the last axis divided by its root mean square: no mean, no shift.

    Args:
        size: D, the width of the last axis.
        eps: ε, added to the mean square.
    """

    weight: nn.Parameter

    def __init__(self, size: int, eps: float = 1e-6) -> None:
        super().__init__(size, eps, True, -1)

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        self._check(x)
        square = at_least_float32(x).square().mean(-1, keepdim=True)  # (..., 1)
        return (standardise(x, x.new_zeros(()), square, self.eps) * self.weight).to(x.dtype)


class _ChannelNorm(_Norm):
    """What batch, instance and group norm share: a scale and a shift a channel, and the mask's shape.

    Args:
        size: number of channels, C.
        eps: ε.
        affine: whether a scale and a shift are learned.
        channel_axis: where the channels are: 1 in (B, C, ...), -1 in (B, T, C).
    """

    def __init__(self, size: int, eps: float = 1e-5, *, affine: bool = True, channel_axis: int = 1) -> None:
        super().__init__(size, eps, affine, channel_axis)
        self.bias = nn.Parameter(torch.zeros(size)) if affine else None

    def _broadcast(self, values: Tensor, ndim: int) -> Tensor:
        """(C,) to a shape with C at the channels' axis and 1 elsewhere."""
        shape = [1] * ndim
        shape[self.channel_axis] = self.size
        return values.view(shape)

    def _scale(self, y: Tensor, dtype: torch.dtype, mask: Tensor | None) -> Tensor:
        """γ·y + β where the mask is True, in the wanted dtype."""
        if self.weight is not None and self.bias is not None:
            y = y * self._broadcast(self.weight, y.dim()) + self._broadcast(self.bias, y.dim())
        return fill(y.to(dtype), mask)

    def _prepare(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x without what the padding holds, and the mask with an axis for the channels."""
        self._check(x, 2)
        if mask is None:
            return x, None
        check_mask(mask)
        channel = self.channel_axis % x.dim()
        wanted = x.shape[:channel] + x.shape[channel + 1 :]
        if mask.shape != wanted:
            raise ValueError(f"mask must have shape {tuple(wanted)}, got {tuple(mask.shape)}")
        mask = mask.unsqueeze(channel)
        return fill(x, mask), mask


class _RunningNorm(_ChannelNorm):
    """A norm that may keep running statistics for evaluation.

    Args:
        size, eps, channel_axis: as above.
        momentum: weight of the newest batch in the running statistics; None for a plain average.
        affine: whether a scale and a shift are learned; as in torch, by default in batch norm only.
        track_running_stats: False takes the batch's own statistics also in evaluation; default as above.
    """

    kind: Kind
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(
        self,
        size: int,
        eps: float = 1e-5,
        *,
        momentum: float | None = 0.1,
        affine: bool | None = None,
        track_running_stats: bool | None = None,
        channel_axis: int = 1,
    ) -> None:
        default = self.kind == "batch"
        super().__init__(size, eps, affine=default if affine is None else affine, channel_axis=channel_axis)
        self.momentum = momentum
        self.track_running_stats = default if track_running_stats is None else track_running_stats
        if self.track_running_stats:
            self.register_buffer("running_mean", torch.zeros(size))
            self.register_buffer("running_var", torch.ones(size))
            self.register_buffer("num_batches_tracked", torch.tensor(0))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Normalise, in training by the batch's statistics, in evaluation by the running ones.

        Args:
            x: (B, C, ...), or with the channels at `channel_axis`.
            mask: bool, the shape of `x` without the channels, (B, T) for texts; True = counts.
        Returns:
            The shape and dtype of `x`; 0 where the mask is False.
        Raises:
            ValueError: in training, if a mean would be over one value, or none, which says nothing.
        """
        x, mask = self._prepare(x, mask)
        if self.training or not self.track_running_stats:
            mean, variance = self._of_this_batch(x, mask)
        else:
            mean = self._broadcast(self.running_mean, x.dim())
            variance = self._broadcast(self.running_var, x.dim())
        return self._scale(standardise(x, mean, variance, self.eps), x.dtype, mask)

    def _of_this_batch(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """Mean and variance of the batch; in training the running statistics learn them."""
        axes = statistic_axes(self.kind, x.dim(), self.channel_axis)
        if self.training and mask is None and math.prod(x.shape[axis] for axis in axes) < 2:
            raise ValueError(f"x must have 2 values or more for each mean in training, got {tuple(x.shape)}")
        found = statistics(x, axes, mask)
        if self.training and self.track_running_stats:
            self._update(found)
        return found.mean, found.variance

    @torch.no_grad()
    def _update(self, found: Statistics) -> None:
        """r ← r + m·(new − r) for the mean and the unbiased variance; a mean over the examples is taken."""
        n = torch.as_tensor(found.elements, device=found.mean.device).expand_as(found.mean)
        unbiased = found.variance * n / (n - 1).clamp(min=1)
        axes = statistic_axes("batch", n.dim(), self.channel_axis)
        seen = (n > 0).sum(axes)  # (C,) where nothing counts, everything stays as it was
        self.num_batches_tracked += (seen > 0).any()
        average = 1.0 / self.num_batches_tracked.clamp(min=1).to(unbiased.dtype)
        m = average if self.momentum is None else self.momentum
        for running, new in ((self.running_mean, found.mean), (self.running_var, unbiased)):
            step = m * (new.sum(axes) / seen.clamp(min=1) - running)
            running += step.masked_fill(seen == 0, 0.0)


class BatchNorm(_RunningNorm):
    """Each channel by its mean and variance over all examples and places (torch's BatchNorm1d to 3d)."""

    kind = "batch"


class InstanceNorm(_RunningNorm):
    """Each channel of each example by its mean and variance over the places (torch's InstanceNorm)."""

    kind = "instance"


class GroupNorm(_ChannelNorm):
    """Each group of channels of each example by its mean and variance over group and places.

    One group is what Wu & He call layer norm for images; a group a channel is instance norm.

    Args:
        num_groups: G, a divisor of `size`.
        size, eps, affine, channel_axis: as in the other norms.
    """

    def __init__(
        self, num_groups: int, size: int, eps: float = 1e-5, *, affine: bool = True, channel_axis: int = 1
    ) -> None:
        super().__init__(size, eps, affine=affine, channel_axis=channel_axis)
        if num_groups < 1 or size % num_groups:
            raise ValueError(f"num_groups must divide the {size} channels, got {num_groups}")
        self.num_groups = num_groups

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The shape of `x`, (B, C, ...); the mask as in `BatchNorm`."""
        x, mask = self._prepare(x, mask)
        channel = self.channel_axis % x.dim()
        split = x.unflatten(channel, (self.num_groups, -1))  # (B, G, C/G, ...)
        inner = None if mask is None else mask.unsqueeze(channel)
        mean, variance, _ = statistics(split, statistic_axes("group", split.dim(), channel), inner)
        y = standardise(split, mean, variance, self.eps).flatten(channel, channel + 1)
        return self._scale(y, x.dtype, mask)
