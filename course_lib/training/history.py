"""What a training run leaves for plots: one row per log point, one per evaluation."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, float]


@dataclass
class History:
    """The figures of one run of `fit`.

    Attributes:
        training: rows with "step", "epoch", "loss" (mean since the row before), "lr", "seconds",
            "grad_norm" where gradients are clipped, and whatever else the loss function reports.
        evaluations: rows with "step" and what the evaluation returned.
        stopped: why the run ended: "steps", "patience", "interrupted", or "" while it runs.
    """

    training: list[Row] = field(default_factory=list)
    evaluations: list[Row] = field(default_factory=list)
    stopped: str = ""

    def column(self, name: str, *, of: str = "training") -> tuple[list[int], list[float]]:
        """Steps and values of one figure.

        Args:
            name: the figure, for example "loss".
            of: "training" or "evaluations".
        Raises:
            ValueError: if no row has such a figure.
        """
        if of not in ("training", "evaluations"):
            raise ValueError(f"of must be 'training' or 'evaluations', got {of!r}")
        rows: list[Row] = [row for row in getattr(self, of) if name in row]
        if not rows:
            known = sorted({key for row in getattr(self, of) for key in row})
            raise ValueError(f"name must be one of {known}, got {name!r}")
        return [int(row["step"]) for row in rows], [row[name] for row in rows]

    def state_dict(self) -> dict[str, Any]:
        """Plain lists and dicts, for a checkpoint or JSON."""
        return {
            "training": [dict(row) for row in self.training],
            "evaluations": [dict(row) for row in self.evaluations],
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of `state_dict`."""
        self.training = [dict(row) for row in state["training"]]
        self.evaluations = [dict(row) for row in state["evaluations"]]
        self.stopped = state["stopped"]
