"""Learning-rate schedules as pure functions of the step.

A schedule gives the factor on the optimizer's own learning rate, so it has no state to save.
Warm-up and inverse square root: Vaswani et al. 2017, arXiv:1706.03762, equation 3 (with the peak
moved to 1); cosine: Loshchilov & Hutter 2017, arXiv:1608.03983, equation 5 (one cycle).
"""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
"""Optimizer step (0 for the first) → factor on the learning rate."""


def constant(*, warmup: int = 0) -> Schedule:
    """1 after a linear warm-up."""
    _check(warmup)
    return lambda step: _ramp(step, warmup)


def linear(total: int, *, warmup: int = 0) -> Schedule:
    """Up to 1 in `warmup` steps, then in a straight line to 0 at step `total`."""
    _check(warmup, total)
    return lambda step: min(_ramp(step, warmup), max(0.0, (total - step) / max(1, total - warmup)))


def cosine(total: int, *, warmup: int = 0, floor: float = 0.0) -> Schedule:
    """Up to 1 in `warmup` steps, then half a cosine down to `floor` (between 0 and 1) at step `total`."""
    _check(warmup, total)
    if not 0 <= floor <= 1:
        raise ValueError(f"floor must be between 0 and 1, got {floor}")

    def factor(step: int) -> float:
        if step < warmup:
            return _ramp(step, warmup)
        done = min(1.0, (step - warmup) / max(1, total - warmup))
        # floor + ½(1 − floor)(1 + cos πt)   (eq. 5)
        return floor + 0.5 * (1 - floor) * (1 + math.cos(math.pi * done))

    return factor


def inverse_sqrt(warmup: int) -> Schedule:
    """Up to 1 in `warmup` steps (1 or more), then falling as 1/√step."""
    if warmup < 1:
        raise ValueError(f"warmup must be 1 or more, got {warmup}")
    # √w · min(s^−½, s·w^−³ᐟ²) = min(√(w/s), s/w)   (eq. 3, s counts from 1)
    return lambda step: min(math.sqrt(warmup / (step + 1)), (step + 1) / warmup)


def _ramp(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / (warmup + 1))


def _check(warmup: int, total: int | None = None) -> None:
    if warmup < 0:
        raise ValueError(f"warmup must be 0 or more, got {warmup}")
    if total is not None and total <= warmup:
        raise ValueError(f"total must be more than warmup ({warmup}), got {total}")
