"""Batches of 8, 32 and 128 sentences at an equal number of passes: which batch is best?

RoBERTa's Table 3 in miniature: every run reads the same text equally often, so the larger batch takes fewer
steps. Each size has its own rate, the best of those in RATES tried on seed 9, which is not recorded.
"""

from dataclasses import replace

import numpy as np
import torch

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, single
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.roberta import RobertaRecipe
from course_lib.pretraining.static_masking import MaskedBatches, given_masks_loss, mean_loss
from course_lib.pretraining.tasks import MaskedLM
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="roberta-batch",
    statement="At an equal number of passes a larger batch with its own rate gives a better model.",
    metric="loss in nats a masked word, on new text",
    control="the smaller batches, each with its own rate; no training",
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, HELD_OUT, WIDTH, EPOCHS = 500, 20_000, 10_000, 64, 20
RATES = {8: (1e-3, 2e-3, 3e-3), 32: (2e-3, 3e-3, 5e-3), 128: (3e-3, 5e-3, 1e-2)}
RATE: dict[int, float] = {8: 2e-3, 32: 3e-3, 128: 5e-3}
SPECIAL, MASK, FIRST = Special(0, 1, 2), 3, 4  # ids below FIRST are special


def measure(seed: int, device: str, minutes: float, rate: dict[int, float] | None = None) -> dict:
    """Train with each batch size."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    text, held_out = (language.sample(n, seed=i) for n, i in ((TOKENS, 1), (HELD_OUT, 2)))
    task = MaskedLM(VocabFacts(FIRST + VOCABULARY, MASK, tuple(range(FIRST))))
    asked = list(MaskedBatches(framed(held_out), 256, task, seed=seed).epoch(0))
    small = BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH)
    config = replace(small, dropout=0.0, attention_dropout=0.0)
    figures: dict = {}
    for size, lr in (rate or RATE).items():
        torch.manual_seed(seed)
        model = BertForPreTraining(config, next_sentence=False).to(device).eval()
        figures["untrained loss"] = mean_loss(model, asked)
        data = MaskedBatches(framed(text), size, task, seed=seed)
        steps = EPOCHS * len(data)
        recipe = RobertaRecipe(lr=lr, warmup=steps // 20, steps=steps)
        settings = FitConfig(steps=steps, log_every=len(data), seed=seed)
        fit(model, data, given_masks_loss, recipe.optimizer(model), settings, schedule=recipe.schedule())
        figures |= {f"{size} loss": mean_loss(model, asked), f"{size} steps": steps, f"{size} rate": lr}
    return figures


def framed(corpus):
    """[CLS] sentence [SEP] for each sentence of a corpus."""
    return [single((ids + FIRST).tolist(), SPECIAL) for ids in np.split(corpus.ids, corpus.sentences[1:-1])]


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("roberta_batch", CLAIM, measure, __file__)
