"""Stochastic weight averaging: one model in the middle of where training went.

Izmailov et al. 2018, "Averaging Weights Leads to Wider Optima and Better Generalization", arXiv:1803.05407,
algorithm 1: after a pre-trained start the rate stays high or cycles, and the weights seen on the way are
averaged with equal shares. It costs one forward pass at the end, where an ensemble costs M. The exponential
average, with its short memory, is `course_lib.training.ema`; this class is that one with a decay that
follows the count. Where a model has batch norm, its statistics belong to no average: recompute them with
`torch.optim.swa_utils.update_bn`.
"""

from collections.abc import Mapping

from torch import nn

from course_lib.training.ema import EMA


class SWA(EMA):
    """The equal mean of the weights at every update; give it to `training.fit` as `evaluate`, or call it.

    Args:
        model: gives names and shapes; its present weights stand in until the first update, no longer.
        start: how many updates to pass over, as burn-in, 0 or more.
    """

    def __init__(self, model: nn.Module, *, start: int = 0) -> None:
        if start < 0:
            raise ValueError(f"start must be 0 or more, got {start}")
        super().__init__(model, decay=0.0)
        self.passed_over, self.start, self.count = 0, start, 0

    def update(self, model: nn.Module) -> None:
        """Take the model's weights into the mean."""
        if self.passed_over < self.start:
            self.passed_over += 1
            return
        # w̄ ← (n·w̄ + w) / (n + 1)   (algorithm 1)
        self.decay = self.count / (self.count + 1)
        super().update(model)
        self.count += 1

    def __call__(self, model: nn.Module) -> Mapping[str, float]:
        """Update; the number of averaged models is the figure that a history shows."""
        self.update(model)
        return {"averaged": float(self.count)}
