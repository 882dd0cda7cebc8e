"""Do new masks in every epoch beat one mask for ever, and ten masks?

Three runs of one model on one text in the same order: only the masks differ. The text is small and is read
many times, because masks can only matter where a text is read again. Sizes, rate and the number of epochs
were chosen on seed 9, which is not recorded.
"""

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Special, single
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.probing import fill_gap
from course_lib.pretraining.roberta import RobertaRecipe
from course_lib.pretraining.static_masking import MaskedBatches, distinct_masks, given_masks_loss, mean_loss
from course_lib.pretraining.tasks import MaskedLM
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="roberta-masking",
    statement="Masks that are drawn anew in each epoch give a better model than masks that are drawn once.",
    metric="loss in nats a masked word, on new text with masks that no model was trained on",
    control="one mask a text for all epochs (static); ten masks a text, each shown four times; no training",
    smallest_effect=0.05,
    seeds=(0, 1, 2, 3, 4),
)
VOCABULARY, TOKENS, HELD_OUT, ASKED = 500, 12_000, 10_000, 1000
WIDTH, EPOCHS, BATCH, RATE = 64, 40, 32, 3e-3
COPIES = {"static": 1, "ten": 10, "dynamic": None}
SPECIAL, MASK, FIRST = Special(0, 1, 2), 3, 4  # ids below FIRST are special


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train with each kind of masks and ask all models the same questions."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    text, held_out = (language.sample(n, seed=i) for n, i in ((TOKENS, 1), (HELD_OUT, 2)))
    task = MaskedLM(VocabFacts(FIRST + VOCABULARY, MASK, tuple(range(FIRST))))
    asked = MaskedBatches(framed(held_out), 256, task, seed=seed)
    cloze = Gaps(language)
    figures: dict = {}
    for name, copies in {"untrained": None, **COPIES}.items():
        torch.manual_seed(seed)
        config = BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH)
        model = BertForPreTraining(config, next_sentence=False).to(device).eval()
        if name != "untrained":
            data = MaskedBatches(framed(text), BATCH, task, copies=copies, seed=seed)
            steps = EPOCHS * len(data)
            recipe = RobertaRecipe(lr=RATE, warmup=steps // 20, steps=steps)
            history = fit(
                model, data, given_masks_loss, recipe.optimizer(model),
                FitConfig(steps=steps, log_every=len(data), seed=seed), schedule=recipe.schedule(),
            )  # fmt: skip
            figures[f"{name} training"] = history.column("loss")[1]
            figures[f"{name} masks"] = float(np.mean(distinct_masks(data, EPOCHS)))
        figures[f"{name} loss"] = mean_loss(model, [*asked.epoch(0), *asked.epoch(1)])
        figures[f"{name} gaps"] = cloze.accuracy(model)
    return figures


def framed(corpus):
    """[CLS] sentence [SEP] for each sentence of a corpus."""
    return [single((ids + FIRST).tolist(), SPECIAL) for ids in np.split(corpus.ids, corpus.sentences[1:-1])]


class Gaps:
    """Sentences with a gap and five candidates."""

    def __init__(self, language: Language) -> None:
        def ids(words):
            return [language.index[word] + FIRST for word in words]

        questions = probes.cloze(language, ASKED, seed=3)
        self.texts = [(ids(words[:at]), ids(words[at + 1 :])) for words, at, _, _ in questions]
        self.candidates = [[[i] for i in ids(offered)] for _, _, offered, _ in questions]
        self.answers = np.array([answer for _, _, _, answer in questions])

    def accuracy(self, model: BertForPreTraining) -> float:
        """Share of the gaps that get the right word."""
        return float(np.mean(fill_gap(model, self.texts, self.candidates, SPECIAL, MASK) == self.answers))


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("roberta_masking", CLAIM, measure, __file__)
