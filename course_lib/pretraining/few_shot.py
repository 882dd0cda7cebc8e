"""A task that no weight can know: learn a mapping from the examples in the prompt.

Brown et al. 2020, "Language Models are Few-Shot Learners", arXiv:2005.14165, section 1, calls it in-context
learning: a prompt shows k solved examples and one question, and nothing is trained. In this miniature every
text has a mapping of its own from M inputs to C labels, so the weights can hold how to look something up,
never the answer. How good a perfect reader is after k shots is known.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from course_lib.pretraining.gpt import GPT


@dataclass(frozen=True)
class LookUp:
    """The tasks: inputs are ids 0 to M - 1, labels are ids M to M + C - 1.

    Attributes:
        inputs: M, 2 or more.
        labels: C, 2 or more.
    """

    inputs: int = 10
    labels: int = 10

    def __post_init__(self) -> None:
        for name in ("inputs", "labels"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be 2 or more, got {getattr(self, name)}")

    @property
    def vocab_size(self) -> int:
        """M + C."""
        return self.inputs + self.labels

    def mappings(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, M) label ids: each input's label is drawn by itself, uniformly."""
        return self.inputs + torch.randint(self.labels, (n, self.inputs), generator=generator)

    def texts(self, mappings: Tensor, shots: int, generator: torch.Generator) -> Tensor:
        """x₁ y₁ x₂ y₂ … x_k y_k x y: k solved examples, a question and its answer.

        Args:
            mappings: (n, M), one for each text.
            shots: k, 0 or more.
            generator: draws the inputs, uniformly and with repetition.
        Returns:
            (n, 2k + 2) ids; the last column is the answer.
        """
        if shots < 0:
            raise ValueError(f"shots must be 0 or more, got {shots}")
        x = torch.randint(self.inputs, (len(mappings), shots + 1), generator=generator)
        return torch.stack([x, mappings.gather(1, x)], dim=-1).flatten(1)

    def best_accuracy(self, shots: int) -> float:
        """What a perfect reader reaches: it knows an input that was shown, and guesses otherwise.

        1 − (1 − 1/M)^k · (1 − 1/C)
        """
        return 1 - (1 - 1 / self.inputs) ** shots * (1 - 1 / self.labels)


class Episodes:
    """Endless training texts for `training.fit`, each batch drawn from the seed, epoch and number.

    Args:
        task: inputs and labels.
        shots: solved examples in a text; every label in it is predicted, so a text trains 0 to k shots.
        batch_size: texts in a batch.
        seed: of everything.
        mapping: (M,) label ids that all texts share; None draws one for each text.
        batches: in an epoch.
    """

    def __init__(
        self,
        task: LookUp,
        shots: int,
        batch_size: int,
        *,
        seed: int,
        mapping: Tensor | None = None,
        batches: int = 1000,
    ) -> None:
        self.task, self.shots, self.batch_size, self.seed = task, shots, batch_size, seed
        self.mapping, self.batches = mapping, batches

    def __len__(self) -> int:
        """Batches in an epoch."""
        return self.batches

    def epoch(self, number: int, start: int = 0) -> Iterator[dict[str, Tensor]]:
        """Batches with `input_ids` (B, T) and `counts` (B, T), True at the labels."""
        for i in range(start, self.batches):
            state = np.random.SeedSequence([self.seed, number, i]).generate_state(1)
            generator = torch.Generator().manual_seed(int(state[0]))
            if self.mapping is None:
                mappings = self.task.mappings(self.batch_size, generator)
            else:
                mappings = self.mapping.expand(self.batch_size, -1)
            ids = self.task.texts(mappings, self.shots, generator)
            yield {"input_ids": ids, "counts": ids >= self.task.inputs}


def shuffle_labels(texts: Tensor, generator: torch.Generator) -> Tensor:
    """The same prompts with the labels of their shots in another order; question and answer stay.

    Args:
        texts: (n, 2k + 2) of `LookUp.texts`.
    Returns:
        (n, 2k + 2). Which labels occur, and how often, is unchanged; which input they belong to is not told.
    """
    out = texts.clone()
    labels = out[:, 1:-1:2]  # (n, k), a view
    order = torch.rand(labels.shape, generator=generator).argsort(-1)
    labels.copy_(labels.gather(1, order))
    return out


@torch.no_grad()
def in_context_accuracy(model: GPT, task: LookUp, texts: Tensor) -> float:
    """Share of questions whose likeliest label, read from the prompt alone, is the answer.

    Args:
        model: nothing in it changes.
        task: says which ids are labels.
        texts: (n, 2k + 2) with the answers, which the model does not see.
    """
    texts = texts.to(model.words.weight.device)
    states = model(texts[:, :-1]).last_hidden_state[:, -1]  # (n, D)
    guesses = model.logits(states)[:, task.inputs :].argmax(-1) + task.inputs
    return float((guesses == texts[:, -1]).float().mean())
