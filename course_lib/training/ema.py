"""Exponential moving average of a model's weights.

Polyak & Juditsky 1992 average the iterates of stochastic gradient descent; the exponential form
forgets the early ones. Parameters are averaged, other state (buffers) is copied.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class EMA:
    """A slow copy of a model's weights.

    Args:
        model: the model to follow; its present weights are the start.
        decay: share of the old average that is kept at each update, from 0 to below 1.
    Raises:
        ValueError: for a decay outside that range.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be 0 or more and below 1, got {decay}")
        self.decay = decay
        self.weights = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take one step of the average towards the model."""
        averaged = {name for name, _ in model.named_parameters(remove_duplicate=False)}
        for name, value in model.state_dict().items():
            if name in averaged:
                # w̄ ← β·w̄ + (1−β)·w
                self.weights[name].lerp_(value.to(self.weights[name].dtype), 1 - self.decay)
            else:
                self.weights[name].copy_(value)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """The model has the averaged weights inside the block and its own again after it."""
        own = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.weights)
        try:
            yield
        finally:
            model.load_state_dict(own)

    def state_dict(self) -> dict[str, Tensor]:
        """The averaged weights under the model's names."""
        return self.weights

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Copy averaged weights in; names must be the model's."""
        for name, value in self.weights.items():
            value.copy_(state[name])
