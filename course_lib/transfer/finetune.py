"""Fine-tuning: how much of a pre-trained model a task may change, and when.

Feature extraction keeps the encoder and trains the head alone; full fine-tuning trains everything at one
rate; discriminative fine-tuning gives lower layers lower rates; gradual unfreezing opens one layer after the
other, from the top (Howard & Ruder 2018, "Universal Language Model Fine-tuning for Text Classification",
arXiv:1801.06146, sections 3.2 and 3.3). A frozen layer does not change by one bit: it gets no gradient, so no
momentum and no weight decay touch it, and it computes in evaluation mode, so its dropout is off and its batch
norm keeps its statistics. Different from the paper: an unfreezing step counts optimizer steps, not epochs.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor, nn

from course_lib.pretraining.examples import TextBatch
from course_lib.pretraining.heads import Head, head_loss
from course_lib.training import schedules
from course_lib.training.batches import Data, to_device
from course_lib.training.fit import Evaluation, FitConfig, History, Loss, fit
from course_lib.transfer.layerwise import PART, layer_numbers, parameter_groups, top_layer


def freeze_below(model: nn.Module, first_open: int) -> None:
    """Let only the layers from `first_open` on be trained.

    Args:
        model: with `embeddings` and `layers`, see `layerwise`.
        first_open: 0 opens everything; L + 1 leaves only what stands above the layers.
    Raises:
        ValueError: for a number outside 0 to L + 1.
    """
    top = top_layer(model)
    if not 0 <= first_open <= top:
        raise ValueError(f"first_open must lie in 0..{top}, got {first_open}")
    numbers = layer_numbers(model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(numbers[name] >= first_open)
        if numbers[name] < first_open:
            parameter.grad = None  # an optimizer passes over None; of zeros it would still move by momentum
    for name, part in model.named_modules():
        outermost = (found := PART.search(name)) is not None and found.end() == len(name)
        if outermost and _keep_still not in part._forward_pre_hooks.values():
            part.register_forward_pre_hook(_keep_still)


def _keep_still(part: nn.Module, inputs: Any) -> None:
    """Evaluation mode for a part that is frozen, whatever a training loop has set."""
    if not any(parameter.requires_grad for parameter in part.parameters()):
        part.eval()


class GradualUnfreezing:
    """A schedule for `training.fit` that also opens layers: the head at step 0, then one more each time.

    It is a function of the step alone, so a run that was stopped goes on bit for bit.

    Args:
        model: what is trained.
        every: steps between two openings, 1 or more.
        schedule: factor on the learning rates; constant if not given.
    """

    def __init__(self, model: nn.Module, every: int, schedule: schedules.Schedule | None = None) -> None:
        if every < 1:
            raise ValueError(f"every must be 1 or more, got {every}")
        self.model, self.every, self.top = model, every, top_layer(model)
        self.schedule = schedule or schedules.constant()
        self._now: int | None = None

    def first_open(self, step: int) -> int:
        """The lowest layer that is trained at a step: L + 1, L, ..., 0."""
        return max(0, self.top - step // self.every)

    def __call__(self, step: int) -> float:
        """Open what is to be open at this step; the factor on the learning rates."""
        if self._now != (first := self.first_open(step)):
            freeze_below(self.model, first)
            self._now = first
        return self.schedule(step)


@dataclass(frozen=True)
class Strategy:
    """What may change, how fast, and from when on.

    Attributes:
        lr: of the head.
        decay: factor on the rate for each layer further down.
        frozen: keep embeddings and layers as they are.
        unfreeze_every: steps between two openings; 0 opens everything at once.
        weight_decay: of the matrices that are trained.
    """

    lr: float
    decay: float = 1.0
    frozen: bool = False
    unfreeze_every: int = 0
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        if self.unfreeze_every < 0:
            raise ValueError(f"unfreeze_every must be 0 or more, got {self.unfreeze_every}")
        if self.frozen and self.unfreeze_every:
            raise ValueError("unfreeze_every must be 0 where frozen is True")

    @classmethod
    def feature_extraction(cls, lr: float) -> Self:
        """The head alone."""
        return cls(lr, frozen=True)

    @classmethod
    def full(cls, lr: float) -> Self:
        """Everything at one rate."""
        return cls(lr)

    @classmethod
    def discriminative(cls, lr: float, decay: float = 1 / 2.6) -> Self:
        """Everything, lower layers more slowly."""
        return cls(lr, decay)

    @classmethod
    def gradual(cls, lr: float, every: int, decay: float = 1 / 2.6) -> Self:
        """Discriminative rates, and layers opened one after the other."""
        return cls(lr, decay, unfreeze_every=every)


def finetune(
    model: nn.Module,
    data: Data,
    strategy: Strategy,
    config: FitConfig,
    *,
    loss_function: Callable[[Any, Any], Loss] = head_loss,
    schedule: schedules.Schedule | None = None,
    evaluate: Evaluation | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> History:
    """Train a pre-trained model with a head on the examples of a task.

    Args:
        model: encoder and head, for example `SequenceClassifier`.
        data: batches of labelled examples.
        strategy: what may change.
        config: how long.
        loss_function: of model and batch; the head's own by default.
        schedule: factor on all rates; a tenth of the steps upwards, then in a line to 0, if not given.
        evaluate, checkpoint: as in `fit`.
    """
    freeze_below(model, top_layer(model) if strategy.frozen else 0)
    schedule = schedule or schedules.linear(max(1, config.steps), warmup=config.steps // 10)
    if strategy.unfreeze_every:
        schedule = GradualUnfreezing(model, strategy.unfreeze_every, schedule)
    groups = parameter_groups(model, strategy.lr, decay=strategy.decay, weight_decay=strategy.weight_decay)
    return fit(
        model,
        data,
        loss_function,
        torch.optim.AdamW(groups),
        config,
        schedule=schedule,
        evaluate=evaluate,
        checkpoint=checkpoint,
    )


def predict(model: Head, batches: Iterable[TextBatch]) -> list[Tensor]:
    """Logits of each batch, in evaluation mode; the model's mode is put back afterwards."""
    return _read(model, batches, model.forward)


def extract(model: Head, batches: Iterable[TextBatch]) -> list[Tensor]:
    """What the head's linear map reads, once for each batch: training it on these is feature extraction.

    Args:
        model: encoder and head; nothing in it changes.
        batches: of texts, on any device.
    Returns:
        One tensor a batch, of the shape of `Head.features`.
    """
    return _read(model, batches, model.features)


@torch.no_grad()
def _read(
    model: Head, batches: Iterable[TextBatch], what: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> list[Tensor]:
    training, device = model.training, next(model.parameters()).device
    model.eval()
    moved = (to_device(batch, device) for batch in batches)
    out = [what(batch.input_ids, batch.attention_mask, batch.token_type_ids) for batch in moved]
    model.train(training)
    return out
