"""Scalar mix: one vector out of the layers of a network, with weights that a task learns.

Peters et al. 2018, "Deep contextualized word representations", arXiv:1802.05365, equation 1. A softmax
over one number a layer says how much of each layer to take, and one more number scales the result.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def scalar_mix(layers: Tensor, logits: Tensor, gamma: Tensor, *, normalise: bool = False) -> Tensor:
    """γ · Σⱼ sⱼ·hⱼ with s = softmax(w).

    Args:
        layers: (L, ..., D) the layers' states h.
        logits: (L,) w, before the softmax.
        gamma: () scale γ.
        normalise: first give each state mean 0 and variance 1 over its D units (layer normalisation).
    Returns:
        (..., D).
    """
    if normalise:
        layers = F.layer_norm(layers, layers.shape[-1:])
    # ELMo_k = γ · Σⱼ sⱼ·h_{k,j}   (eq. 1)
    return gamma * torch.tensordot(logits.softmax(0).to(layers.dtype), layers, dims=1)


class ScalarMix(nn.Module):
    """A learned mix of layers; before training it is their mean.

    Args:
        num_layers: how many layers come in, 1 or more.
        normalise: see `scalar_mix`.
    """

    def __init__(self, num_layers: int, *, normalise: bool = False) -> None:
        super().__init__()
        if num_layers < 1:
            raise ValueError(f"num_layers must be 1 or more, got {num_layers}")
        self.normalise = normalise
        self.logits = nn.Parameter(torch.zeros(num_layers))
        self.gamma = nn.Parameter(torch.ones(()))

    @property
    def weights(self) -> Tensor:
        """(L,) s, the share of each layer; they sum to 1."""
        return self.logits.softmax(0)

    def forward(self, layers: Tensor | Sequence[Tensor]) -> Tensor:
        """(..., D) from L layers of (..., D), given as a list or stacked.

        Raises:
            ValueError: for another number of layers.
        """
        if len(layers) != len(self.logits):
            raise ValueError(f"layers must be {len(self.logits)} layers, got {len(layers)}")
        stacked = layers if isinstance(layers, Tensor) else torch.stack(list(layers))
        return scalar_mix(stacked, self.logits, self.gamma, normalise=self.normalise)

    def penalty(self) -> Tensor:
        """‖w‖²: added to a task's loss with a factor λ, it pulls the mix towards the mean of the layers."""
        return self.logits.square().sum()
