"""What does next-sentence prediction learn: what follows what, or what speaks about the same thing?

The same masked LM is trained on the same pairs of sentences with and without the second loss. Linear probes
on the frozen encoder ask whether a sentence follows, and in which order two neighbours stand. The trained
head itself is asked too: does it score neighbours above strangers of another topic, above strangers of the
same topic, and above neighbours in the wrong order? Sizes, rate, number of epochs and the start were chosen
on seed 9, which is not recorded: with dropout and BERT's own start of 0.02, made for a width of 768, neither
task is learned at this width.
"""

from dataclasses import replace

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.document_probes import located_next
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.pretraining.bert import BertConfig, BertForPreTraining
from course_lib.pretraining.examples import Example, Special, collate, pair
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.packing import FOLLOWS, pack
from course_lib.pretraining.probing import linear_probe, text_features
from course_lib.pretraining.tasks import MaskedLM
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit

CLAIM = Claim(
    id="bert-next-sentence",
    statement="With next-sentence prediction a linear probe on the encoder tells better what follows what.",
    metric="accuracy, from 0 to 1, of linear probes on frozen states, and of the trained head; chance 0.5",
    control="the same model trained without the second loss; untrained; a bag of words of each sentence",
    smallest_effect=0.03,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, WIDTH = 500, 100_000, 64
EPOCHS, BATCH, RATE = 30, 32, 3e-3
START = 0.02 * (768 / WIDTH) ** 0.5  # a linear map's output varies as at BERT's width
LABELLED, ASKED, LENGTH = 3000, 1500, 48
PACKING = "segment-pair"
SPECIAL, MASK, FIRST = Special(0, 1, 2), 3, 4  # ids below FIRST are special


def measure(seed: int, device: str, minutes: float) -> dict:
    """Train with and without the second loss, and ask."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    examples = pairs_of(language.sample(TOKENS, seed=1), seed)
    share = float(np.mean([example.label for example in examples]))  # of strangers
    questions = Questions(language)
    figures: dict = {f"words {k}": v for k, v in questions.count().items()}
    # what it costs to know nothing but how often strangers come
    figures["prior next_sentence loss"] = float(-share * np.log(share) - (1 - share) * np.log(1 - share))
    facts = VocabFacts(FIRST + VOCABULARY, MASK, tuple(range(FIRST)))
    for name in ("untrained", "off", "on"):
        torch.manual_seed(seed)
        small = BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH)
        config = replace(small, dropout=0.0, attention_dropout=0.0, initializer_range=START)
        model = BertForPreTraining(config).to(device).eval()
        if name != "untrained":
            data = Batches(examples, BATCH, collate, seed=seed, lengths=[len(e) for e in examples])
            history = fit(
                model,
                data,
                MaskedLM(facts, next_sentence=name == "on"),
                torch.optim.AdamW(model.parameters(), lr=RATE),
                FitConfig(steps=len(data), clip=1.0, log_every=max(1, len(data) // 40), seed=seed),
                schedule=schedules.linear(len(data), warmup=len(data) // 20),
            )
            for part in ("masked_lm", "next_sentence") if name == "on" else ("masked_lm",):
                figures[f"{name} {part} loss"] = history.column(part)[1]
        figures |= {f"{name} {k}": v for k, v in questions.probe(model).items()}
        if name == "on":
            figures |= {f"head {k}": v for k, v in questions.ask_head(model).items()}
    return figures


def pairs_of(corpus, seed: int) -> list[Example]:
    """Neighbours and strangers, drawn anew for each epoch."""
    sentences = [(ids + FIRST).tolist() for ids in np.split(corpus.ids, corpus.sentences[1:-1])]
    documents = [sentences[a:b] for a, b in zip(corpus.documents[:-1], corpus.documents[1:], strict=True)]
    return [
        example
        for epoch in range(EPOCHS)
        for example in pack(documents, LENGTH, PACKING, SPECIAL, seed=1000 * seed + epoch)
    ]


class Questions:
    """Pairs with labels for the probes, and pairs of three kinds for the head."""

    def __init__(self, language: Language) -> None:
        self.language = language
        ask = {"follows": probes.next_sentence, "order": probes.sentence_order}
        self.sets = {
            task: [(*self.framed(probe(language, n, seed=s)),) for n, s in ((LABELLED, 2), (ASKED, 3))]
            for task, probe in ask.items()
        }
        located, corpus = located_next(language, ASKED, seed=3)
        topic = corpus.topics[corpus.sentence_documents]
        self.same_topic = np.array([topic[a] == topic[b] for _, (a, b) in located])

    def framed(self, questions) -> tuple[list[Example], np.ndarray]:
        """Pairs as BERT reads them, and their labels (1: as in the document)."""
        ids = [[[self.language.index[word] + FIRST for word in text] for text in q[:2]] for q in questions]
        return [pair(a, b, SPECIAL) for a, b in ids], np.array([q[2] for q in questions])

    def probe(self, model: BertForPreTraining) -> dict[str, float]:
        """Linear probes on the frozen encoder's states."""
        figures = {}
        for task, (known, asked) in self.sets.items():
            a, b = (text_features(model.bert, examples) for examples, _ in (known, asked))
            figures[task] = linear_probe(a, known[1], b, asked[1])
        return figures

    def count(self) -> dict[str, float]:
        """The same probes on how often each word occurs in each of the two sentences."""
        figures = {}
        for task, (known, asked) in self.sets.items():
            a, b = (bags(examples) for examples, _ in (known, asked))
            figures[task] = linear_probe(a, known[1], b, asked[1])
        return figures

    @torch.no_grad()
    def ask_head(self, model: BertForPreTraining) -> dict[str, float]:
        """How often a pair of neighbours gets a higher score from the trained head than another pair."""
        device = model.masked_lm.bias.device
        scores, labels = {}, {}
        for task, (_, (examples, true)) in self.sets.items():
            batch = collate(examples, SPECIAL.pad_id)
            logits = model.next_sentence(model.bert(*(x.to(device) for x in batch[:3])).pooler_output)
            scores[task] = (logits[:, FOLLOWS] - logits[:, 1 - FOLLOWS]).cpu().numpy()
            labels[task] = true == 1
        strangers = ~labels["follows"]
        others = {
            "strangers of another topic": scores["follows"][strangers & ~self.same_topic],
            "strangers of the same topic": scores["follows"][strangers & self.same_topic],
        }
        neighbours = {name: scores["follows"][~strangers] for name in others}
        others["swapped neighbours"] = scores["order"][~labels["order"]]
        neighbours["swapped neighbours"] = scores["order"][labels["order"]]
        return {name: higher(neighbours[name], others[name]) for name in others}


def higher(a: np.ndarray, b: np.ndarray) -> float:
    """The share of all pairs (x of a, y of b) with x > y; 0.5 for equal distributions."""
    difference = a[:, None] - b[None, :]
    return float((difference > 0).mean() + (difference == 0).mean() / 2)


def bags(examples: list[Example]) -> np.ndarray:
    """(N, 2V) counts of the words of the first and of the second sentence."""
    out = np.zeros((len(examples), 2, FIRST + VOCABULARY), np.float32)
    for row, example in enumerate(examples):
        np.add.at(out[row], (example.token_type_ids, example.ids), 1)
    return out[:, :, FIRST:].reshape(len(examples), -1)


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("bert_next_sentence", CLAIM, measure, __file__)
