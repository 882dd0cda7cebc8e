"""Fine-tuning GPT: a linear head on the extract token, and language modelling as a second loss.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training", sections 3.2 and 3.3.
The loss is L₃ = L₂ + λ·L₁ (equation 5): the task's, and the language model's on the task's own texts. Here
both are means, over examples and over tokens; the paper writes sums, which leaves λ's meaning to the lengths.
"""

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.pretraining.gpt import GPT

Batch = Mapping[str, Tensor]


class GPTForTask(nn.Module):
    """A pre-trained GPT and a head W_y.

    Args:
        gpt: the language model, with rows for the special tokens.
        num_classes: C; None for multiple choice, where each text gets one score.
        dropout: on the states that the head reads.
    """

    def __init__(self, gpt: GPT, num_classes: int | None, *, dropout: float = 0.1) -> None:
        super().__init__()
        if num_classes is not None and num_classes < 2:
            raise ValueError(f"num_classes must be 2 or more, or None for a choice, got {num_classes}")
        self.gpt, self.num_classes = gpt, num_classes
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(gpt.config.hidden_size, num_classes or 1, bias=False)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Scores of the classes or answers, and the states that the language model's loss needs.

        Args:
            input_ids: (B, N, T), N texts an example, as `gpt_inputs.stack` makes them.
            attention_mask: (B, N, T) bool.
        Returns:
            (B, C), or (B, N) for multiple choice, and states (B·N, T, D).
        Raises:
            ValueError: for ids that are not (B, N, T).
        """
        if input_ids.dim() != 3:
            raise ValueError(f"input_ids must be (B, N, T), got {list(input_ids.shape)}")
        mask = attention_mask.flatten(0, 1)
        states = self.gpt(input_ids.flatten(0, 1), mask).last_hidden_state  # (B·N, T, D)
        last = states[torch.arange(len(states), device=states.device), last_tokens(mask)]  # (B·N, D)
        last = self.dropout(last.view(*input_ids.shape[:2], -1))  # (B, N, D)
        # P(y | x) = softmax(h W_y)   (eq. 3); of two orders the sum of the states (section 3.3)
        scores = self.head(last).squeeze(-1) if self.num_classes is None else self.head(last.sum(1))
        return scores, states


def last_tokens(attention_mask: Tensor) -> Tensor:
    """The column of each row's last token: (B, T) bool -> (B,), with padding on either side."""
    columns = torch.arange(attention_mask.shape[1], device=attention_mask.device)
    return (columns * attention_mask).argmax(-1)


def task_loss(lm_weight: float = 0.5) -> Callable[[nn.Module, Batch], tuple[Tensor, int, dict[str, Tensor]]]:
    """The loss function for `training.fit`.

    Args:
        lm_weight: λ, 0 or more; the paper's 0.5 by default. 0 computes no language model.
    Returns:
        A function of the model and a batch of `gpt_inputs.stack` that returns L₃, 1, and L₂ and L₁ for the
        history.
    """
    if not lm_weight >= 0:
        raise ValueError(f"lm_weight must be 0 or more, got {lm_weight}")

    def loss(model: nn.Module, batch: Batch) -> tuple[Tensor, int, dict[str, Tensor]]:
        assert isinstance(model, GPTForTask)
        ids, mask = batch["input_ids"], batch["attention_mask"]
        scores, states = model(ids, mask)
        task = F.cross_entropy(scores, batch["labels"])
        if lm_weight == 0:
            return task, 1, {"task_loss": task}
        total, count = model.gpt.loss_of(states, ids.flatten(0, 1), mask.flatten(0, 1))
        lm = total / count
        # L₃(C) = L₂(C) + λ·L₁(C)   (eq. 5)
        return task + lm_weight * lm, 1, {"task_loss": task, "lm_loss": lm}

    return loss


@torch.no_grad()
def accuracy(model: GPTForTask, batches: Iterable[Batch]) -> float:
    """Share of examples whose best class or answer is the label. The model's mode is left as it was."""
    device, training = model.head.weight.device, model.training
    model.eval()
    right = n = 0
    for batch in batches:
        scores, _ = model(batch["input_ids"].to(device), batch["attention_mask"].to(device))
        right += int((scores.argmax(-1) == batch["labels"].to(device)).sum())
        n += len(scores)
    model.train(training)
    return right / n
