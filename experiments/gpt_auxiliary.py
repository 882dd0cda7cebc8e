"""Does language modelling as a second loss speed up fine-tuning?

One language, one pre-trained GPT and one set of labelled sentences for each seed; the four runs differ in
lambda and in where they start. The task: name the topic of a sentence that has an aside about another one.
Length and rate of both trainings were chosen on seed 9, which is not recorded: after three passes over the
text the pre-trained model knew no topics yet, and a start from random weights was ahead of it.
"""

import copy

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.gpt import GPT, GPTConfig, lm_loss
from course_lib.pretraining.gpt_finetune import GPTForTask, accuracy, task_loss
from course_lib.pretraining.gpt_inputs import SpecialTokens, classification, stack
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="gpt-auxiliary",
    statement="Fine-tuning with the language model's loss beside the task's (lambda 0.5) converges faster.",
    metric="test accuracy, from 0 to 1, averaged over the evaluations of the fine-tuning (the curve's area)",
    control="lambda 0 from the same pre-trained weights; both from random weights",
    smallest_effect=0.01,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, TOPICS, TOKENS, WIDTH, WINDOW = 1000, 8, 200_000, 64, 64
EPOCHS, BATCH, RATE = 10, 16, 3e-3
LABELLED, ASKED, STEPS, EVERY, TUNING_BATCH, TUNING_RATE = 300, 600, 120, 6, 16, 1e-3


def measure(seed: int, device: str, minutes: float) -> dict:
    """Pre-train once, then fine-tune with and without the second loss, from there and from nothing."""
    language = Language(LanguageConfig(VOCABULARY, topics=TOPICS, seed=seed))
    untrained = new_model(seed).to(device)
    model = copy.deepcopy(untrained)
    losses = pretrain(model, language, seed)
    task = Task(language)
    figures = {"steps": losses[0], "loss": losses[1]}
    for start, weights in (("pre-trained", model), ("from scratch", untrained)):
        for name, lm_weight in (("lambda 0.5", 0.5), ("lambda 0", 0.0)):
            steps, curve, lm = task.tune(copy.deepcopy(weights), lm_weight, seed)
            figures |= {"evaluated": steps, f"{start}, {name}": curve, f"{start}, {name}, lm": lm}
            figures |= {f"{start}, {name}, area": np.mean(curve), f"{start}, {name}, last": curve[-1]}
    return figures


def new_model(seed: int) -> GPT:
    torch.manual_seed(seed)
    config = GPTConfig(
        vocab_size=VOCABULARY, max_position_embeddings=WINDOW, hidden_size=WIDTH, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=4 * WIDTH,
        dropout=0.0, attention_dropout=0.0, embedding_dropout=0.0,
    )  # fmt: skip
    return GPT(config)


def pretrain(model: GPT, language: Language, seed: int) -> tuple[list[float], list[float]]:
    """Windows of running text, as GPT-1 reads its books."""
    ids = torch.as_tensor(language.sample(TOKENS, seed=1).ids, dtype=torch.int64)
    windows = ids[: len(ids) // WINDOW * WINDOW].view(-1, WINDOW)
    data = Batches(windows, BATCH, lambda rows: {"input_ids": torch.stack(rows)}, seed=seed)
    steps = EPOCHS * len(data)
    history = fit(
        model,
        data,
        lm_loss,
        torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.01),
        FitConfig(steps=steps, log_every=max(1, steps // 40), seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 20),
    )
    return history.column("loss")


class Task:
    """Labelled sentences and those that are asked."""

    def __init__(self, language: Language) -> None:
        special = SpecialTokens(*range(VOCABULARY, VOCABULARY + 3))

        def examples(n: int, seed: int) -> list:
            found = probes.topics(language, n, seed=seed)
            return [
                (classification([language.index[w] for w in words[: WINDOW - 2]], special), topic)
                for words, topic in found
            ]

        self.labelled, asked = examples(LABELLED, 2), examples(ASKED, 3)
        asked.sort(key=lambda example: len(example[0][0]))  # less padding
        self.asked = [stack(asked[i : i + 100]) for i in range(0, ASKED, 100)]

    def tune(self, gpt: GPT, lm_weight: float, seed: int) -> tuple[list[float], list[float], list[float]]:
        """Steps, test accuracies, and the language model's loss on the asked sentences."""
        generator = torch.Generator().manual_seed(seed)
        gpt.add_tokens_(3, generator=generator)
        torch.manual_seed(seed)
        model = GPTForTask(gpt, TOPICS).to(gpt.words.weight.device)
        history = fit(
            model,
            Batches(self.labelled, TUNING_BATCH, stack, seed=seed),
            task_loss(lm_weight),
            torch.optim.AdamW(model.parameters(), lr=TUNING_RATE, weight_decay=0.01),
            FitConfig(steps=STEPS, evaluate_every=EVERY, seed=seed),
            schedule=schedules.linear(STEPS, warmup=STEPS // 20),
            evaluate=lambda m: {"accuracy": accuracy(m, self.asked), "lm": self.lm(m)},
        )
        rows = history.evaluations
        return [r["step"] for r in rows], [r["accuracy"] for r in rows], [r["lm"] for r in rows]

    def lm(self, model: GPTForTask) -> float:
        """Nats a token."""
        sums = [model.gpt.loss(b["input_ids"][:, 0], b["attention_mask"][:, 0]) for b in self.asked]
        return float(sum(total for total, _ in sums) / sum(count for _, count in sums))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("gpt_auxiliary", CLAIM, measure, __file__)
