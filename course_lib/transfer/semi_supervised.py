"""Semi-supervised domain adaptation: true labels and a model's own guesses in one weighted loss.

The contest course's recipe: n examples with true labels count W₁ each, m without labels get the model's
guess as a pseudo-label and count W₂ each. It writes the loss in two ways that it calls equal and that are
not; both are here, with the weights that turn one into the other, and the rule of thumb for m/n. The separate
reading is the loss of Lee 2013, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for
Deep Neural Networks" (ICML workshop WREPL), section 2.4. How guesses are made and repeated stands in
`self_training`, weights by the labels' shares in `label_shift`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Reading = Literal["pooled", "separate"]
RULE = (5.0, 10.0)  # the lecture's rule of thumb, in units of W₁/W₂


@dataclass(frozen=True)
class Mixture:
    """So many examples of each kind, what each counts, and how their losses are put together.

    Attributes:
        true: n, examples with true labels, 1 or more.
        pseudo: m, examples with pseudo-labels, 0 or more.
        true_weight: W₁, above 0.
        pseudo_weight: W₂, 0 or more.
        reading: "pooled" is 1/(n+m) Σ Wᵢ·ℓᵢ; "separate" is the mean of W₁·ℓᵢ over the true examples plus the
            mean of W₂·ℓᵢ over the others.
    """

    true: int
    pseudo: int
    true_weight: float = 1.0
    pseudo_weight: float = 1.0
    reading: Reading = "pooled"

    def __post_init__(self) -> None:
        if self.true < 1 or self.pseudo < 0:
            raise ValueError(
                f"true must be 1 or more and pseudo 0 or more, got {self.true} and {self.pseudo}"
            )
        if not self.true_weight > 0 or not self.pseudo_weight >= 0:
            raise ValueError(
                "true_weight must be above 0 and pseudo_weight 0 or more, "
                f"got {self.true_weight} and {self.pseudo_weight}"
            )
        if self.reading not in ("pooled", "separate"):
            raise ValueError(f"reading must be 'pooled' or 'separate', got {self.reading!r}")

    @property
    def each(self) -> tuple[float, float]:
        """What one true and one pseudo-labelled example count in 1/(n+m) Σ Wᵢ·ℓᵢ, in either reading."""
        if self.reading == "pooled":
            return self.true_weight, self.pseudo_weight
        # W₁/n = W₁'/(n+m)  ⇒  W₁' = W₁·(n+m)/n, and W₂' = W₂·(n+m)/m
        total = self.true + self.pseudo
        return self.true_weight * total / self.true, self.pseudo_weight * total / max(self.pseudo, 1)

    @property
    def pseudo_per_true(self) -> float:
        """How much weight all pseudo-labels have together, the true labels' together being 1."""
        true, pseudo = self.each
        return self.pseudo * pseudo / (self.true * true)

    @property
    def in_rule(self) -> bool:
        """Whether m/n lies in the lecture's interval."""
        return follows_rule(self.true, self.pseudo, self.true_weight, self.pseudo_weight)

    def weights(self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
        """(n + m,) the weight of each example, the true ones first."""
        true, pseudo = (torch.tensor(each, device=device, dtype=dtype) for each in self.each)
        return torch.cat([true.expand(self.true), pseudo.expand(self.pseudo)])


def rule_interval(true_weight: float, pseudo_weight: float) -> tuple[float, float]:
    """The lecture's rule of thumb: m/n between 5·W₁/W₂ and 10·W₁/W₂.

    Args:
        true_weight: W₁, above 0.
        pseudo_weight: W₂, above 0.
    """
    if not (true_weight > 0 and pseudo_weight > 0):
        raise ValueError(
            "true_weight and pseudo_weight must be above 0 for the rule, "
            f"got {true_weight} and {pseudo_weight}"
        )
    low, high = RULE
    return low * true_weight / pseudo_weight, high * true_weight / pseudo_weight


def follows_rule(true: int, pseudo: int, true_weight: float, pseudo_weight: float) -> bool:
    """Whether m/n lies in the rule's interval, its ends included; never for W₂ = 0.

    Args:
        true, pseudo: n and m.
        true_weight, pseudo_weight: W₁ and W₂.
    """
    if pseudo_weight == 0:
        return False
    low, high = rule_interval(true_weight, pseudo_weight)
    slack = 1e-9 * high  # 0.3 is not exactly 3/10
    return low - slack <= pseudo / true <= high + slack


def weighted_loss(losses: Tensor, weights: Tensor) -> Tensor:
    """1/N Σ Wᵢ·ℓᵢ, the lecture's last line.

    Args:
        losses: (N,) one loss an example, N at least 1.
        weights: (N,) of 0 or more.
    """
    if losses.dim() != 1 or losses.shape != weights.shape or not len(losses):
        raise ValueError(
            f"weights must have the shape of losses, (N,), N at least 1, "
            f"got {tuple(weights.shape)} and {tuple(losses.shape)}"
        )
    return (weights * losses).mean()


def separate_loss(true: Tensor, pseudo: Tensor, true_weight: float, pseudo_weight: float) -> Tensor:
    """(1/n) Σ W₁·ℓᵢ + (1/m) Σ W₂·ℓⱼ, the lecture's first line and Lee's loss (with W₁ = 1, W₂ = α).

    Args:
        true: (n,) losses of examples with true labels, n at least 1.
        pseudo: (m,) losses of examples with pseudo-labels; none is allowed and adds nothing.
        true_weight, pseudo_weight: W₁ and W₂.
    """
    if true.dim() != 1 or pseudo.dim() != 1 or not len(true):
        raise ValueError(
            "true must have shape (n,), n at least 1, and pseudo (m,), "
            f"got {tuple(true.shape)} and {tuple(pseudo.shape)}"
        )
    return true_weight * true.mean() + pseudo_weight * pseudo.sum() / max(len(pseudo), 1)


def weighted_cross_entropy(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """The loss function for `training.fit`: a batch is inputs, labels (B,) and weights (B,).

    Returns:
        Σ Wᵢ·ℓᵢ and B, so that all batches of an epoch together are 1/(n+m) Σ Wᵢ·ℓᵢ.
    """
    inputs, labels, weights = batch
    losses = F.cross_entropy(model(inputs), labels, reduction="none")
    return (weights * losses).sum(), torch.ones_like(labels).sum()


def ramp(step: int, start: int, end: int, final: float) -> float:
    """Lee's α(t), a pseudo-label's weight that grows: 0 up to `start`, then linear, `final` from `end` on.

    Args:
        step: t, 0 or more.
        start, end: T₁ and T₂, 0 ≤ T₁ < T₂.
        final: α_f, 0 or more.
    """
    if not 0 <= start < end:
        raise ValueError(f"start must be 0 or more and below end, got {start} and {end}")
    return final * min(max(step - start, 0) / (end - start), 1.0)
