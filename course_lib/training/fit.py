"""The one training loop of the course.

Mixed precision, gradient accumulation and clipping, a learning-rate schedule, averaged weights, early
stopping, checkpoints that go on bit for bit, and a Ctrl-C that leaves a usable model. What is trained,
on what, and with which loss are arguments; nothing here knows about words.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sized
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from course_lib.training import checkpoint as checkpoints
from course_lib.training import progress, schedules
from course_lib.training.batches import Data, to_device
from course_lib.training.ema import EMA
from course_lib.training.history import History
from course_lib.training.settings import FitConfig

__all__ = ["FitConfig", "History", "fit"]

log = logging.getLogger(__name__)

Loss = Tensor | tuple[Tensor, Tensor | int] | tuple[Tensor, Tensor | int, Mapping[str, Tensor]]
"""A mean; or a sum and the number of things it sums over; or these and figures for the history."""
LossFunction = Callable[[nn.Module, Any], Loss]
Evaluation = Callable[[nn.Module], Mapping[str, float]]


def fit(
    model: nn.Module,
    data: Data,
    loss_function: LossFunction,
    optimizer: torch.optim.Optimizer,
    config: FitConfig,
    *,
    schedule: schedules.Schedule | None = None,
    evaluate: Evaluation | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    label: str = "",
) -> History:
    """Train a model in place and leave it in evaluation mode.

    Randomness inside (dropout, corruptions) comes from torch's default generators, seeded with
    `config.seed` and put back afterwards. Evaluations do not disturb it.

    Args:
        model: its first parameter's device is where batches go.
        data: batches by epoch, for example `batches.Batches`.
        loss_function: `(model, batch) -> loss`. A sum with its count (masked tokens, say) makes accumulated
            steps equal to one step on all batches together; plain means are averaged with equal weights.
        optimizer: over the parameters to train; its learning rates are the schedule's peak.
        config: how to train.
        schedule: factor on the learning rate by step; constant if not given.
        evaluate: called without gradients, in evaluation mode; returns the figures of one evaluation.
        checkpoint: file to go on from if it is there, and to write.
        label: text before the progress bar.
    Returns:
        The history, with the reason for stopping.
    Raises:
        ValueError: for data without batches, a checkpoint that is damaged or of another run,
            float16 without CUDA, patience without an evaluation, or a monitored figure that it lacks.
        FloatingPointError: if the loss is no longer finite.
    """
    loop = _Loop(
        model, data, loss_function, optimizer, config, schedule or schedules.constant(), evaluate, checkpoint
    )
    devices = range(torch.cuda.device_count()) if loop.device.type == "cuda" else ()
    with torch.random.fork_rng(devices=devices), progress.ctrl_c() as pressed:
        torch.random.default_generator.manual_seed(config.seed)
        if loop.device.type == "cuda":
            torch.cuda.manual_seed_all(config.seed)
        loop.restore()
        bar = progress.bar(config.steps, done=loop.step, label=label)
        try:
            loop.train(pressed, bar)
        except KeyboardInterrupt:
            loop.history.stopped = "interrupted"
        finally:
            bar.close()
            loop.leave_model()
    return loop.history


class _Loop:
    """The state of one call of `fit`."""

    def __init__(
        self,
        model: nn.Module,
        data: Data,
        loss_function: LossFunction,
        optimizer: torch.optim.Optimizer,
        config: FitConfig,
        schedule: schedules.Schedule,
        evaluate: Evaluation | None,
        checkpoint: str | os.PathLike[str] | None,
    ) -> None:
        self.model, self.data, self.loss_function, self.optimizer = model, data, loss_function, optimizer
        self.config, self.schedule, self.evaluation = config, schedule, evaluate
        self.checkpoint = None if checkpoint is None else Path(checkpoint)
        first = next(model.parameters(), None)
        if first is None:
            raise ValueError("model must have parameters to train, got none")
        self.device = first.device
        if config.precision == "float16" and self.device.type != "cuda":
            raise ValueError(f"precision must be float32 or bfloat16 on {self.device.type}, got 'float16'")
        if evaluate is None and (config.patience is not None or config.keep_best):
            raise ValueError("evaluate must be given for patience or keep_best, got None")
        for group in optimizer.param_groups:
            group.setdefault("initial_lr", group["lr"])
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.scaler = torch.amp.GradScaler("cuda", enabled=config.precision == "float16")
        self.ema = None if config.ema is None else EMA(model, config.ema)
        self.history = History()
        self.step = self.epoch = self.batch = self.stale = 0
        self.seconds = 0.0
        self.best: float | None = None
        self.best_weights: dict[str, Tensor] | None = None
        self.window: dict[str, Tensor] = {}

    # ------------------------------------------------------------------ the loop

    def train(self, pressed: threading.Event, bar: Any) -> None:
        """Take steps until the last one, until patience ends, or until Ctrl-C."""
        config = self.config
        out_of_patience = config.patience is not None and self.stale >= config.patience
        self.history.stopped = "patience" if out_of_patience else "steps"
        groups = self.groups()
        while self.step < config.steps and not out_of_patience:
            clock = time.perf_counter()
            self.update(next(groups))
            self.seconds += time.perf_counter() - clock
            bar.update()
            if self.step % config.log_every == 0 or self.step == config.steps:
                bar.set_postfix(loss=f"{self.log_row():.4g}", refresh=False)
            last = self.step == config.steps
            if self.evaluation and (
                last or (config.evaluate_every and self.step % config.evaluate_every == 0)
            ):
                self.evaluate()
            if pressed.is_set():
                self.history.stopped = "interrupted"
            elif config.patience is not None and self.stale >= config.patience:
                self.history.stopped = "patience"
            stop = last or self.history.stopped != "steps"
            if stop or (config.checkpoint_every and self.step % config.checkpoint_every == 0):
                self.save()
            if stop:
                break

    def groups(self) -> Iterator[list[Any]]:
        """The batches of each step; a step never reaches into the next epoch."""
        while True:
            batches = iter(self.data.epoch(self.epoch, self.batch))
            while group := list(islice(batches, self.config.accumulate)):
                self.batch += len(group)
                yield group
            if self.batch == 0:
                raise ValueError("data must yield at least one batch an epoch, got none")
            self.epoch, self.batch = self.epoch + 1, 0

    def update(self, group: list[Any]) -> None:
        """One optimizer step on the batches of a group."""
        for settings in self.optimizer.param_groups:
            settings["lr"] = settings["initial_lr"] * self.schedule(self.step)
        self.model.train()
        counts: list[Tensor] = []
        for batch in group:
            with torch.autocast(
                self.device.type,
                getattr(torch, self.config.precision),
                enabled=self.config.precision != "float32",
            ):
                total, count, figures = _parts(self.loss_function(self.model, to_device(batch, self.device)))
            counts.append(count)
            # The final count is not known yet: the first stands in for it until the gradients are complete.
            self.scaler.scale(total / (counts[0].clamp(min=1) * len(group))).backward()
            self.note(total, count, figures)
        self.scaler.unscale_(self.optimizer)
        if len(group) > 1:
            factor = counts[0].clamp(min=1) * len(group) / torch.stack(counts).sum().clamp(min=1)
            for parameter in self.parameters:
                if parameter.grad is not None:
                    parameter.grad.mul_(factor.to(parameter.grad.dtype))
        if self.config.clip is not None:
            self.window["grad_norm"] = nn.utils.clip_grad_norm_(self.parameters, self.config.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        if self.ema is not None:
            self.ema.update(self.model)
        self.step += 1

    def note(self, total: Tensor, count: Tensor, figures: Mapping[str, Tensor]) -> None:
        """Add one batch to the row that is being filled; nothing leaves the device."""
        sums = {"loss": total.detach().float(), "count": count, "batches": torch.ones_like(count)}
        sums |= {name: value.detach().float() for name, value in figures.items()}
        for name, value in sums.items():
            self.window[name] = self.window[name] + value if name in self.window else value

    def log_row(self) -> float:
        """Close the row of the history; its loss."""
        window = {name: float(value) for name, value in self.window.items()}
        self.window = {}
        count, batches = window.pop("count"), window.pop("batches")
        row = {
            "step": float(self.step),
            "epoch": float(self.epoch),
            "loss": window.pop("loss") / max(count, 1.0),
        }
        row |= {"lr": self.optimizer.param_groups[0]["lr"], "seconds": self.seconds}
        if "grad_norm" in window:
            row["grad_norm"] = window.pop("grad_norm")
        row |= {name: value / batches for name, value in window.items()}
        self.history.training.append(row)
        if not math.isfinite(row["loss"]):
            raise FloatingPointError(
                f"the loss became {row['loss']} by step {self.step}; the lr was {row['lr']:.3g}"
            )
        return row["loss"]

    # ------------------------------------------------------------------ evaluation

    @torch.no_grad()
    def evaluate(self) -> None:
        """Record one evaluation and keep the weights if they are the best so far."""
        assert self.evaluation is not None
        self.model.eval()
        devices = range(torch.cuda.device_count()) if self.device.type == "cuda" else ()
        with torch.random.fork_rng(devices=devices):
            if self.ema is not None:
                with self.ema.applied(self.model):
                    figures = dict(self.evaluation(self.model))
            else:
                figures = dict(self.evaluation(self.model))
        self.history.evaluations.append({"step": self.step, **{k: float(v) for k, v in figures.items()}})
        if self.config.patience is None and not self.config.keep_best:
            return
        if self.config.monitor not in figures:
            raise ValueError(f"monitor must be one of {sorted(figures)}, got {self.config.monitor!r}")
        value = float(figures[self.config.monitor]) * (-1 if self.config.higher_is_better else 1)
        if self.best is not None and not value < self.best:
            self.stale += 1
            return
        self.best, self.stale = value, 0
        if self.config.keep_best:
            self.best_weights = {name: w.detach().clone() for name, w in self.final_weights().items()}

    def final_weights(self) -> dict[str, Tensor]:
        """The weights that count: the averaged ones where there are any."""
        return self.ema.weights if self.ema is not None else self.model.state_dict()

    def leave_model(self) -> None:
        """The weights a caller wants to have, in evaluation mode."""
        if self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        elif self.ema is not None:
            self.model.load_state_dict(self.ema.weights)
        self.model.eval()

    # ------------------------------------------------------------------ checkpoints

    def signature(self) -> dict[str, str]:
        facts = self.config.course()
        if isinstance(self.data, Sized):
            facts["batches in an epoch"] = len(self.data)
        return checkpoints.signature(self.model, self.optimizer, facts)

    def save(self) -> None:
        """Write everything that `restore` needs to go on as if nothing had happened."""
        if self.checkpoint is None:
            return
        numbers = ("step", "epoch", "batch", "stale", "seconds", "best", "best_weights", "window")
        state = {name: getattr(self, name) for name in numbers} | {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "ema": None if self.ema is None else self.ema.state_dict(),
            "history": self.history.state_dict(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        checkpoints.save(self.checkpoint, self.signature(), state)

    def restore(self) -> None:
        """Go on from the checkpoint, if there is one."""
        if self.checkpoint is None or not self.checkpoint.exists():
            return
        state = checkpoints.load(self.checkpoint, self.signature())
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        if self.ema is not None:
            self.ema.load_state_dict(state["ema"])
        self.history.load_state_dict(state["history"])
        for name in ("step", "epoch", "batch", "stale", "seconds", "best"):
            setattr(self, name, state[name])
        self.best_weights, self.window = to_device((state["best_weights"], state["window"]), self.device)
        torch.set_rng_state(state["rng"])
        if state["cuda_rng"] is not None:
            torch.cuda.set_rng_state(state["cuda_rng"], self.device)


def _parts(loss: Loss) -> tuple[Tensor, Tensor, Mapping[str, Tensor]]:
    """Sum, count (a number on the loss's device) and further figures of what a loss function returned."""
    total, count, figures = (*loss, {})[:3] if isinstance(loss, tuple) else (loss, 1, {})
    if not isinstance(total, Tensor) or total.dim() != 0 or not total.requires_grad:
        got = getattr(total, "shape", total), getattr(total, "requires_grad", False)
        raise ValueError(f"loss_function must return a scalar that requires a gradient, got {got}")
    kind = torch.promote_types(total.dtype, torch.float32)
    return total, torch.as_tensor(count, dtype=kind, device=total.device), figures
