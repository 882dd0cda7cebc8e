"""The settings of a training run, checked when they are written down."""

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class FitConfig:
    """How to train.

    Args:
        steps: optimizer steps in all.
        accumulate: batches whose gradients make one step.
        clip: largest norm of the whole gradient; None leaves it as it is.
        precision: of the forward pass; "float16" needs CUDA, and its loss is scaled.
        ema: decay of averaged weights, which are what is evaluated and left in the model; None for none.
        evaluate_every: steps between evaluations; 0 evaluates at the end only.
        monitor: which figure of the evaluation decides what is best.
        higher_is_better: whether that figure should rise.
        patience: stop after so many evaluations without a new best; None never stops early.
        keep_best: leave the best evaluated weights in the model, not the last ones.
        checkpoint_every: steps between checkpoints; 0 writes one at the end only.
        log_every: steps that one row of the history covers.
        seed: of everything random in the forward pass and the loss.
    Raises:
        ValueError: for a number outside its range.
    """

    steps: int
    accumulate: int = 1
    clip: float | None = 1.0
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    ema: float | None = None
    evaluate_every: int = 0
    monitor: str = "loss"
    higher_is_better: bool = False
    patience: int | None = None
    keep_best: bool = False
    checkpoint_every: int = 0
    log_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"steps": 0, "accumulate": 1, "evaluate_every": 0, "checkpoint_every": 0, "log_every": 1}
        for name, bound in least.items():
            if getattr(self, name) < bound:
                raise ValueError(f"{name} must be {bound} or more, got {getattr(self, name)}")
        if self.clip is not None and not self.clip > 0:
            raise ValueError(f"clip must be above 0 or None, got {self.clip}")
        if self.patience is not None and (self.patience < 1 or self.evaluate_every == 0):
            raise ValueError(f"patience must be 1 or more and needs evaluate_every, got {self.patience}")
        if self.precision not in ("float32", "bfloat16", "float16"):
            raise ValueError(f"precision must be float32, bfloat16 or float16, got {self.precision!r}")

    def course(self) -> dict[str, Any]:
        """The settings that change the course of a run; a run may be made longer when it is resumed."""
        free = ("steps", "checkpoint_every")
        return {name: value for name, value in asdict(self).items() if name not in free}
