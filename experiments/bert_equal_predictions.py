"""The left-to-right control of `bert_two_sides`, stopped after as many predicted words as the masked LM has.

Decided on after that experiment, whose left-to-right model learns from every word at each step, where the
masked one learns from 15 % of them. Language, text, network, batches, rate and questions are those of
`bert_two_sides` for the same seeds; the masked model's figures are in its record.
"""

import numpy as np
import torch
from bert_two_sides import BATCH, EPOCHS, FIRST, RATE, SPECIAL, TOKENS, VOCABULARY, WIDTH, Questions, Reader

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import collate, single
from course_lib.pretraining.tasks import left_to_right_loss
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="bert-equal-predictions",
    statement="After equally many predicted words a masked LM fills more gaps whose cue is on the right.",
    metric="accuracy, from 0 to 1: five candidates for a gap or a name, two for a verb, nearest sense",
    control="the same network trained from left to right for 15 % of the masked model's steps",
    smallest_effect=0.05,
    seeds=(0, 1, 2),
)


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train from left to right on as many predictions, and ask the same questions."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    corpus = language.sample(TOKENS, seed=1)
    sentences = np.split(corpus.ids + FIRST, corpus.sentences[1:-1])
    examples = [single(ids.tolist(), SPECIAL) for ids in sentences]
    torch.manual_seed(seed)
    config = BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH)
    model = BertForPreTraining(config, next_sentence=False).to(device)
    data = Batches(examples, BATCH, collate, seed=seed, lengths=[len(e) for e in examples])
    steps = round(0.15 * EPOCHS * len(data))
    history = fit(
        model,
        data,
        left_to_right_loss,
        torch.optim.AdamW(model.parameters(), lr=RATE),
        FitConfig(steps=steps, clip=1.0, log_every=max(1, steps // 40), seed=seed),
        schedule=schedules.linear(steps, warmup=steps // 20),
    )
    figures = Questions(language).ask(Reader(model, from_left=True))
    return figures | {"loss": history.column("loss")[1], "steps": history.column("loss")[0]}


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("bert_equal_predictions", CLAIM, measure, __file__)
