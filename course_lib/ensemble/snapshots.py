"""Snapshots: several models out of one training run.

Huang et al. 2017, "Snapshot Ensembles: Train 1, Get M for Free", arXiv:1704.00109: the learning rate falls
along half a cosine to 0, jumps back, and falls again (equation 2); at the end of each cycle the weights are
kept. The jump throws the model out of the valley that it has found, so that the next cycle may end in
another one. Predictions are averaged, not weights: between two valleys lies a hill.
"""

from collections.abc import Iterator, Mapping

from torch import Tensor, nn

from course_lib.training import schedules


def cyclic_cosine(total: int, cycles: int) -> schedules.Schedule:
    """Half a cosine from 1 to 0, over and over.

    Args:
        total: steps of the whole run, a multiple of `cycles`: then each cycle ends where a snapshot is taken.
        cycles: 1 or more.
    """
    if cycles < 1 or total < cycles or total % cycles:
        raise ValueError(f"total must be a multiple of cycles, 1 or more, got {total} and {cycles}")
    length = total // cycles
    one = schedules.cosine(length)
    # α(t) = α₀/2 · (cos(π · mod(t−1, ⌈T/M⌉) / ⌈T/M⌉) + 1)   (eq. 2; here t counts from 0)
    return lambda step: one(step % length)


class Snapshots:
    """Keeps copies of a model's weights; give it to `training.fit` as `evaluate`.

    `FitConfig(steps=total, evaluate_every=total // cycles)` takes one at the end of each cycle.

    Args:
        last: keep only so many, the newest; all if not given.
    """

    def __init__(self, last: int | None = None) -> None:
        if last is not None and last < 1:
            raise ValueError(f"last must be 1 or more, got {last}")
        self.last = last
        self.states: list[dict[str, Tensor]] = []

    def __call__(self, model: nn.Module) -> Mapping[str, float]:
        """Take a snapshot; the number kept is the figure that a history shows."""
        self.states.append({name: value.detach().clone() for name, value in model.state_dict().items()})
        if self.last is not None:
            self.states = self.states[-self.last :]
        return {"snapshots": float(len(self.states))}

    def models(self, model: nn.Module) -> Iterator[nn.Module]:
        """The model with each snapshot's weights in turn, and with its own again at the end.

        Raises:
            ValueError: if no snapshot was taken.
        """
        if not self.states:
            raise ValueError("models needs a snapshot, got none: train with evaluate_every first")
        own = {name: value.detach().clone() for name, value in model.state_dict().items()}
        try:
            for state in self.states:
                model.load_state_dict(state)
                yield model
        finally:
            model.load_state_dict(own)
