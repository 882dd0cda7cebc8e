"""Pastes `normalise` of the course library, with what it needs."""
# score: 20
# caught by: hidden_layer_forward
# cell: layer_forward
from typing import NamedTuple


class Statistics(NamedTuple):
    """Mean, biased variance and how many elements each was taken over; size 1 on the averaged axes."""

    mean: Tensor
    variance: Tensor
    elements: Tensor | int


def normalise(
    x: Tensor, axes: tuple[int, ...], eps: float = 1e-5, *, mask: Tensor | None = None, centre: bool = True
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


def statistics(x: Tensor, axes: tuple[int, ...], mask: Tensor | None = None) -> Statistics:
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


def layer_forward(x, gain, shift, eps=1e-5):
    return normalise(x, (-1,), eps) * gain + shift
