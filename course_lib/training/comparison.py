"""Two conditions, the same seeds: paired differences, a 95 % interval, one verdict.

A paired comparison removes what the seed does to both sides (Dror et al. 2018,
"The Hitchhiker's Guide to Testing Statistical Significance in NLP", ACL P18-1128).
The interval is Student's t on the differences; with three seeds it is wide, and it should be.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

REPRODUCED = "reproduced"
CONTRADICTED = "contradicted"
NOT_RESOLVED = "not resolved at this scale"


@dataclass(frozen=True)
class Comparison:
    """The outcome of `compare`. Differences are signed so that a positive one favours the treatment."""

    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    smallest_effect: float
    verdict: str

    @property
    def below_smallest(self) -> bool:
        """True where the mean difference is smaller than the smallest effect that matters."""
        return abs(self.mean) < self.smallest_effect

    def __str__(self) -> str:
        spread = f"{self.mean:+.3g} [{self.low:+.3g}, {self.high:+.3g}]"
        text = f"{self.verdict}: difference {spread} (95 % interval, {len(self.differences)} paired seeds)"
        if self.verdict == NOT_RESOLVED:
            text += "; the interval spans zero"
        if self.below_smallest:
            text += f"; smaller than the {self.smallest_effect:.3g} that would matter"
        return text


def compare(
    treatment: Sequence[float],
    control: Sequence[float],
    smallest_effect: float,
    *,
    lower_is_better: bool = False,
) -> Comparison:
    """Paired differences with a 95 % t interval and one verdict.

    The claim is always that the treatment is the better of the two.

    Args:
        treatment: one figure a seed, at least two.
        control: the control's figure for the same seeds in the same order.
        smallest_effect: the smallest difference that would matter, 0 or more, in the metric's units.
        lower_is_better: True for losses, perplexities and times.
    Returns:
        A `Comparison` whose verdict is "reproduced" (the whole interval is above zero), "contradicted"
        (the whole interval is below zero) or "not resolved at this scale" (it contains zero).
    Raises:
        ValueError: for lengths that differ, fewer than two seeds, or figures that are not finite.
    """
    if len(treatment) != len(control):
        raise ValueError(
            "treatment and control must have one figure for each of the same seeds, "
            f"got {len(treatment)} and {len(control)}"
        )
    if len(treatment) < 2:
        raise ValueError(f"treatment must have at least two seeds for an interval, got {len(treatment)}")
    for name, values in (("treatment", treatment), ("control", control)):
        if not all(math.isfinite(value) for value in values):
            raise ValueError(f"{name} must be finite numbers, got {list(values)}")
    if not (math.isfinite(smallest_effect) and smallest_effect >= 0):
        raise ValueError(f"smallest_effect must be a finite number of 0 or more, got {smallest_effect}")
    sign = -1.0 if lower_is_better else 1.0
    differences = tuple(sign * (float(a) - float(b)) for a, b in zip(treatment, control, strict=True))
    mean, half = _t_interval(differences)
    low, high = mean - half, mean + half
    verdict = REPRODUCED if low > 0 else CONTRADICTED if high < 0 else NOT_RESOLVED
    return Comparison(differences, mean, low, high, float(smallest_effect), verdict)


def _t_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half width of the two-sided t interval."""
    from scipy.stats import t as student

    n = len(values)
    mean = math.fsum(values) / n
    # s² = Σ(x−x̄)²/(n−1);  half = t₍ₙ₋₁₎(0.975)·s/√n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    return mean, float(student.ppf(0.5 + level / 2, n - 1)) * math.sqrt(variance / n)
