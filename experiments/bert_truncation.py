"""Which part of a long document should a model keep?

A document is filler text of the generated language with ONE sentence that decides its label, at one of five
known places. The model reads at most a third of it: the beginning, the end, or both ends. Beside them stands
the same model on the whole text, and a bag of words of the whole text. Sizes, rate and number of documents
were chosen on seed 9, which is not recorded.
"""

import numpy as np
import torch

from course_lib.data.counting import NaiveBayes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.reviews import domain_words
from course_lib.pretraining.bert import Bert, BertConfig
from course_lib.pretraining.examples import Special, collate, single
from course_lib.pretraining.heads import SequenceClassifier, head_loss
from course_lib.text.truncate import truncate
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="bert-truncation",
    statement="Keeping both ends beats keeping one where the evidence stands at either end of a document.",
    metric="accuracy, from 0 to 1, over documents whose evidence is the first or the last fifth; chance 0.5",
    control="keeping the beginning alone, or the end alone; the whole text; a bag of words of the whole text",
    smallest_effect=0.03,
    seeds=(0, 1, 2),
)
VOCABULARY, WIDTH, PLACES = 500, 64, 5
DOCUMENTS, ASKED, LENGTH, KEPT = 4000, 2000, 90, 30
EPOCHS, BATCH, RATE = 3, 32, 1e-3
SPECIAL, FIRST = Special(0, 1, 2), 4  # ids below FIRST are special
WAYS = {"pre": KEPT, "post": KEPT, "middle": KEPT, "whole": 2 * LENGTH}


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train one classifier for each way to cut, and test it by place of the evidence."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    text, labels, _ = documents(language, DOCUMENTS, seed=1)
    asked, truth, places = documents(language, ASKED, seed=2)
    figures = {}
    for way, kept in WAYS.items():
        torch.manual_seed(seed)
        encoder = Bert(BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH))
        model = SequenceClassifier(encoder, 2).to(device)
        data = Batches(framed(text, labels, way, kept), BATCH, collate, seed=seed)
        steps = EPOCHS * len(data)
        fit(
            model,
            data,
            head_loss,
            torch.optim.AdamW(model.parameters(), lr=RATE),
            FitConfig(steps=steps, clip=1.0, log_every=steps, seed=seed),
            schedule=schedules.linear(steps, warmup=steps // 10),
        )
        right = predict(model, framed(asked, truth, way, kept)) == truth
        figures |= by_place(way, right, places)
    counts = NaiveBayes(zip(text, labels.tolist(), strict=True))
    right = np.array([counts.choose(words, [0, 1]) for words in asked]) == truth
    return figures | by_place("words", right, places)


def by_place(way: str, right: np.ndarray, places: np.ndarray) -> dict:
    """Accuracy at each place, at either end, and over all documents."""
    ends = (places == 0) | (places == PLACES - 1)
    return {
        f"{way} by place": [float(right[places == place].mean()) for place in range(PLACES)],
        f"{way} ends": float(right[ends].mean()),
        f"{way} all": float(right.mean()),
    }


def documents(language: Language, n: int, seed: int) -> tuple[list[list[int]], np.ndarray, np.ndarray]:
    """n texts of about LENGTH ids, their labels, and the fifth in which the deciding sentence stands."""
    generator = np.random.default_rng([seed, language.config.seed])
    corpus = language.sample(n * (LENGTH + 20), seed=40 + seed)
    filler = iter(np.split(corpus.ids, corpus.sentences[1:-1]))
    labels, places = generator.integers(2, size=n), generator.integers(PLACES, size=n)
    texts = []
    for label, place in zip(labels, places, strict=True):
        evidence = verdict(language, bool(label), generator)
        body: list[list[int]] = []
        while sum(map(len, body)) < LENGTH - len(evidence):
            body.append(next(filler).tolist())
        ends = np.cumsum([len(sentence) for sentence in body])
        # before the first sentence, behind the last one, or at the sentence break nearest to the place
        at = int(np.abs(np.array([0, *ends]) - ends[-1] * place / (PLACES - 1)).argmin())
        body.insert(at, evidence)
        texts.append([i + FIRST for sentence in body for i in sentence])
    return texts, labels, places


def verdict(language: Language, positive: bool, generator: np.random.Generator) -> list[int]:
    """A sentence of book reviews that praises or blames."""
    words = domain_words(language, "books")
    negated = bool(generator.random() < 0.3)
    which = int(generator.choice(np.flatnonzero(words.praises == (positive != negated))))
    text = ["so", "the", words.nouns[0, 0], "is", "quite", words.adjectives[which, int(negated)], "."]
    return [language.index[word] for word in text]


def framed(texts: list[list[int]], labels: np.ndarray, way: str, kept: int) -> list:
    """Examples of at most `kept` ids."""
    how = "post" if way == "whole" else way
    cut = [truncate(text, kept, how, head_share=0.5) for text in texts]
    return [single(ids[:126], SPECIAL, label=int(label)) for ids, label in zip(cut, labels, strict=True)]


@torch.no_grad()
def predict(model: SequenceClassifier, examples: list) -> np.ndarray:
    """(N,) labels."""
    parts = []
    for i in range(0, len(examples), 256):
        batch = collate(examples[i : i + 256], SPECIAL.pad_id)
        ids, mask = (x.to(model.classifier.weight.device) for x in batch[:2])
        parts.append(model(ids, mask).argmax(-1).cpu().numpy())
    return np.concatenate(parts)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("bert_truncation", CLAIM, measure, __file__)
