"""How many labels does pre-training save, and which way of fine-tuning saves most?

A new language and a new pre-trained encoder for each seed. Three tasks ask for what running text shows (a
sentence's topic, the topic of an ambiguous word's sense, the type of a name), one for what it does not show
(whether a review praises). Labels are drawn balanced; every method gets the same ones and the same test.
"""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch

from course_lib.data import probes
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.lexicon import ENTITY_TYPES
from course_lib.data.reviews import DOMAINS, reviews
from course_lib.embeddings import word2vec
from course_lib.pretraining.bert import Bert, BertConfig, BertForPreTraining
from course_lib.pretraining.examples import NO_LABEL, Special, collate, single
from course_lib.pretraining.masking import VocabFacts
from course_lib.pretraining.packing import pack
from course_lib.pretraining.probing import linear_probe
from course_lib.pretraining.tasks import MaskedLM
from course_lib.text.vocab import Vocabulary
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.experiment import Claim, run
from course_lib.training.fit import FitConfig, fit
from course_lib.transfer.finetune import Strategy, extract, finetune, predict
from course_lib.transfer.fusion import FusedClassifier
from course_lib.transfer.layerwise import top_layer

CLAIM = Claim(
    id="finetune",
    statement=(
        "With few labels a fine-tuned pre-trained encoder beats the same network trained from scratch, most "
        "with the fewest labels. With the fewest, frozen features or gradual unfreezing beat training "
        "everything at once; with many, they do not. What the text does not show, pre-training does not give."
    ),
    metric="accuracy on 500 unseen examples, from 0 to 1, by number of labels",
    control=(
        "the same network from scratch; features of the untrained network; word2vec vectors averaged; a bag "
        "of words; the last three with logistic regression"
    ),
    smallest_effect=0.03,
    seeds=(0, 1, 2),
)
VOCABULARY, TOKENS, WIDTH = 500, 500_000, 64
STEPS, BATCH, RATE, MASKED = 2400, 16, 3e-3, 0.3  # all settings were chosen on seed 9, which is not recorded
LENGTH = 64  # tokens of a document that are read at a time
ADAPT_STEPS, ADAPT_REVIEWS = 400, 4000
SIZES = {8: (50, 2), 32: (60, 1), 128: (80, 1), 512: (150, 1)}  # labels -> steps, draws
HELD_OUT = 500
STRATEGIES = {
    "full": Strategy.full(1e-3),
    "layer-wise": Strategy.discriminative(3e-3, 0.5),
    "gradual": Strategy.gradual(3e-3, 1, 0.5),
}
SCRATCH = Strategy.full(3e-3)
SPECIAL, MASK, FIRST = Special(0, 1, 2), 3, 4
CONFIG = replace(
    BertConfig.small(FIRST + VOCABULARY, hidden_size=WIDTH),
    dropout=0.0,
    attention_dropout=0.0,
    initializer_range=0.05,
)
FACTS = VocabFacts(FIRST + VOCABULARY, MASK, tuple(range(FIRST)))


@dataclass(frozen=True)
class Task:
    """Texts of ids with a label each; the label is of one word where places are given."""

    name: str
    classes: int
    texts: list[list[int]]
    labels: list[int]
    places: list[int] | None = None

    def examples(self, rows):
        """What a batch is made of: the framed text, its label, and the label's place."""
        places = self.places or [None] * len(self.texts)
        return [(single(self.texts[i], SPECIAL, label=self.labels[i]), places[i]) for i in rows]

    @property
    def pool(self) -> np.ndarray:
        """The rows that may be trained on."""
        return np.arange(len(self.texts) - HELD_OUT)

    @property
    def held_out(self) -> np.ndarray:
        """The rows that are asked."""
        return np.arange(len(self.texts) - HELD_OUT, len(self.texts))

    def draw(self, n: int, seed: int) -> np.ndarray:
        """n rows of the pool, as many of each class as there are."""
        order = np.random.default_rng(seed).permutation(self.pool)
        labels = np.array(self.labels)[order]
        rank = np.array([(labels[:i] == labels[i]).sum() for i in range(len(labels))])
        return order[np.argsort(rank, kind="stable")[:n]]


def batch_of(items):
    """A text's label as it is; a word's label at the word's place, behind [CLS]."""
    batch = collate([example for example, _ in items])
    if items[0][1] is None:
        return batch
    labels = torch.full_like(batch.input_ids, NO_LABEL)
    for row, (example, place) in enumerate(items):
        labels[row, place + 1] = example.label
    return batch._replace(labels=labels)


def tasks_of(language: Language, pool: int) -> list[Task]:
    """The four tasks, with `pool` + HELD_OUT examples each."""

    def encode(words):
        return [FIRST + language.index[word] for word in words]

    n = pool + HELD_OUT
    topics = probes.topics(language, n, seed=3)
    senses = probes.senses(language, n, seed=3, same_pos=True)
    told = reviews(language, "books", n, seed=3)
    return [
        Task("topics", language.topics, [encode(w) for w, _ in topics], [y for _, y in topics]),
        Task(
            "senses",
            language.topics + 1,
            [encode(q[0]) for q in senses],
            [int(language.senses.topic[q[2]]) for q in senses],
            [q[1] for q in senses],
        ),
        names_of(language, n),
        Task("sentiment", 2, [encode(w) for w, _ in told], [y for _, y in told]),
    ]


def names_of(language: Language, n: int) -> Task:
    """Sentences with a full name; its last word, which several types share, carries the type."""
    corpus = language.sample(60 * n, seed=3)
    full = corpus.entities[corpus.entities[:, 1] - corpus.entities[:, 0] == 2]
    full = np.random.default_rng(3).permutation(full)[:n]
    rows = np.searchsorted(corpus.sentences, full[:, 0], side="right") - 1
    texts = [(FIRST + corpus.ids[corpus.sentences[r] : corpus.sentences[r + 1]]).tolist() for r in rows]
    return Task(
        "names",
        len(ENTITY_TYPES),
        texts,
        full[:, 2].tolist(),
        (full[:, 1] - 1 - corpus.sentences[rows]).tolist(),
    )


# ------------------------------------------------------------------ pre-training


def pretrain(examples, steps: int, seed: int, device: str, model=None, rate: float = RATE):
    """Masked language modelling on framed texts; from scratch, or on from a copy of a model."""
    torch.manual_seed(seed)
    model = copy.deepcopy(model) or BertForPreTraining(CONFIG, next_sentence=False).to(device)
    fit(
        model,
        Batches(examples, BATCH, collate, seed=seed, lengths=[len(e) for e in examples]),
        MaskedLM(FACTS, rate=MASKED),
        torch.optim.AdamW(model.parameters(), lr=rate),
        FitConfig(steps=steps, seed=seed, log_every=steps),
        schedule=schedules.linear(steps, warmup=steps // 10),
    )
    return model


@torch.no_grad()
def masked_loss(model, encoder, language: Language) -> float:
    """Masked-LM loss on new running text, with the pre-trained head on an encoder."""
    corpus = language.sample(6000, seed=5)
    sentences = np.split(corpus.ids + FIRST, corpus.sentences[1:-1])
    batch = collate([single(s.tolist(), SPECIAL) for s in sentences])
    device = next(encoder.parameters()).device
    corruption = MaskedLM(FACTS).corrupt(batch, torch.Generator().manual_seed(0))
    states = encoder.eval()(corruption.inputs.to(device), batch.attention_mask.to(device)).last_hidden_state
    total, count = model.masked_lm_loss(states, corruption.targets.to(device), corruption.counts.to(device))
    return float(total / count)


# ------------------------------------------------------------------ one run of one method


def tuned(task: Task, rows, encoder: Bert, strategy: Strategy, steps: int, seed: int, **head):
    """A copy of an encoder with a head, trained on some rows."""
    torch.manual_seed(seed)
    where = "mean" if task.places is None else "tokens"
    model = FusedClassifier(copy.deepcopy(encoder), task.classes, where=where, dropout=0.1, **head)
    model.to(next(encoder.parameters()).device)
    if strategy.unfreeze_every:  # everything is open after half of the steps
        strategy = replace(strategy, unfreeze_every=max(1, steps // (2 * top_layer(model))))
    data = Batches(task.examples(rows), 16, batch_of, seed=seed)
    finetune(model, data, strategy, FitConfig(steps=steps, seed=seed, log_every=steps))
    return model


def accuracy(model, task: Task, rows) -> float:
    """Share of rows with the right label."""
    batch = batch_of(task.examples(rows))
    (logits,) = predict(model, [batch])
    counts = batch.labels != NO_LABEL
    return float((logits.cpu().argmax(-1)[counts] == batch.labels[counts]).float().mean())


def features(task: Task, encoder: Bert, rows) -> np.ndarray:
    """What a frozen encoder says: the mean state of a text, the state of a word."""
    where = "mean" if task.places is None else "tokens"
    model = FusedClassifier(encoder, task.classes, where=where)
    batch = batch_of(task.examples(rows))
    (states,) = extract(model, [batch])
    return states[batch.labels != NO_LABEL].cpu().numpy()


def counted(task: Task, rows) -> np.ndarray:
    """A bag of words; of a word's sentence and, apart, of the word with its neighbours."""
    out = np.zeros((len(rows), 2, FIRST + VOCABULARY), np.float32)
    for n, i in enumerate(rows):
        np.add.at(out[n, 0], task.texts[i], 1)
        if task.places is not None:
            place = task.places[i]
            np.add.at(out[n, 1], task.texts[i][max(0, place - 1) : place + 2], 1)
    return out.reshape(len(rows), -1)


def averaged(task: Task, vectors: np.ndarray, rows) -> np.ndarray:
    """The same two bags as means of word vectors."""
    bags = counted(task, rows).reshape(len(rows), 2, -1)[:, :, FIRST:]
    return (bags / bags.sum(-1, keepdims=True).clip(1) @ vectors).reshape(len(rows), -1)


# ------------------------------------------------------------------ one seed


def measure(seed: int, device: str, minutes: float) -> dict:
    """Pre-train once, then draw labels and ask every method."""
    language = Language(LanguageConfig(VOCABULARY, seed=seed))
    corpus = language.sample(TOKENS, seed=1)
    torch.manual_seed(seed)
    blank = Bert(CONFIG, pooler=False).to(device)
    model = pretrain(documents(corpus), STEPS, seed, device)
    vocabulary = Vocabulary(language.forms, np.bincount(corpus.ids, minlength=VOCABULARY))
    settings = word2vec.Word2VecConfig(size=WIDTH, epochs=3, learning_rate=0.05, seed=seed)
    vectors = word2vec.train(corpus, vocabulary, settings, device=device).input.cpu().numpy()
    adapted = pretrain(unlabelled(language), ADAPT_STEPS, seed, device, model, RATE / 3)

    tasks = tasks_of(language, 2 * max(SIZES))
    figures: dict = {"masked loss": masked_loss(model, model.bert, language)}
    for task in tasks:
        figures |= curves(task, blank, model.bert, vectors, seed)
    figures |= adapted_curves(tasks[-1], adapted.bert, seed)
    figures |= across_domains(language, {"scratch": blank, "full": model.bert, "adapted": adapted.bert}, seed)
    figures |= fused(tasks, model.bert, seed) | forgetting(tasks[0], model, language, seed)
    return figures


def documents(corpus):
    """Running text in pieces of whole sentences of one document."""
    sentences = [s.tolist() for s in np.split(corpus.ids + FIRST, corpus.sentences[1:-1])]
    ends = zip(corpus.documents[:-1], corpus.documents[1:], strict=True)
    return pack([sentences[a:b] for a, b in ends], LENGTH, "doc-sentences", SPECIAL)


def unlabelled(language: Language):
    """Reviews of both domains without their labels, other ones than those that are asked."""
    told = [text for d in DOMAINS for text, _ in reviews(language, d, ADAPT_REVIEWS // 2, seed=7)]
    return [single([FIRST + language.index[word] for word in words], SPECIAL) for words in told]


def curves(task: Task, blank: Bert, encoder: Bert, vectors: np.ndarray, seed: int) -> dict:
    """Accuracy of every method by number of labels: the mean over the draws."""
    sources = {
        "features": lambda rows: features(task, encoder, rows),
        "untrained features": lambda rows: features(task, blank, rows),
        "word2vec": lambda rows: averaged(task, vectors, rows),
        "bag of words": lambda rows: counted(task, rows),
    }
    asked = {name: of(task.held_out) for name, of in sources.items()}
    truth = [task.labels[i] for i in task.held_out]
    figures: dict = {}
    for size, (steps, draws) in SIZES.items():
        reached: dict[str, list[float]] = {}
        for draw in range(draws):
            rows = task.draw(size, 100 * seed + draw)
            for name, of in sources.items():
                got = linear_probe(of(rows), [task.labels[i] for i in rows], asked[name], truth)
                reached.setdefault(name, []).append(got)
            for name, strategy in {"scratch": SCRATCH, **STRATEGIES}.items():
                start = blank if name == "scratch" else encoder
                done = tuned(task, rows, start, strategy, steps, 100 * seed + draw)
                reached.setdefault(name, []).append(accuracy(done, task, task.held_out))
        for name, values in reached.items():
            figures.setdefault(f"{name} {task.name}", []).append(float(np.mean(values)))
    return figures


def adapted_curves(task: Task, encoder: Bert, seed: int) -> dict:
    """The sentiment task again, from the encoder that went on reading reviews."""
    truth, asked = [task.labels[i] for i in task.held_out], features(task, encoder, task.held_out)
    figures: dict = {"adapted": [], "adapted features": []}
    for size, (steps, draws) in SIZES.items():
        reached = []
        for draw in range(draws):
            rows = task.draw(size, 100 * seed + draw)
            done = tuned(task, rows, encoder, STRATEGIES["full"], steps, 100 * seed + draw)
            known = [task.labels[i] for i in rows]
            probe = linear_probe(features(task, encoder, rows), known, asked, truth)
            reached.append((accuracy(done, task, task.held_out), probe))
        for name, value in zip(figures, np.mean(reached, axis=0).tolist(), strict=True):
            figures[name].append(value)
    return {f"{name} {task.name}": values for name, values in figures.items()}


def across_domains(language: Language, encoders: dict[str, Bert], seed: int) -> dict:
    """Transductive: labels of books only; asked about books, and about television series."""
    asked = {}
    for domain in DOMAINS:
        told = reviews(language, domain, 2 * max(SIZES) + HELD_OUT, seed=3)
        texts = [[FIRST + language.index[word] for word in words] for words, _ in told]
        asked[domain] = Task(domain, 2, texts, [y for _, y in told])
    figures = {}
    rows = asked["books"].draw(max(SIZES), seed)
    for name, encoder in encoders.items():
        strategy = SCRATCH if name == "scratch" else STRATEGIES["full"]
        done = tuned(asked["books"], rows, encoder, strategy, SIZES[max(SIZES)][0], seed)
        figures |= {f"books to {d}, {name}": accuracy(done, task, task.held_out) for d, task in asked.items()}
    return figures


def fused(tasks: list[Task], encoder: Bert, seed: int, labels: int = 128) -> dict:
    """Which states should a head on a frozen encoder read?"""
    layers = CONFIG.num_hidden_layers + 1
    ways = {
        "last": (1, "mean"),
        "concat": (layers, "concat"),
        "mean": (layers, "mean"),
        "mix": (layers, "mix"),
    }
    figures: dict = {}
    for task in tasks[:3]:
        rows = task.draw(labels, 100 * seed)
        for name, (last, how) in ways.items():
            strategy = Strategy.feature_extraction(1e-2)
            done = tuned(task, rows, encoder, strategy, SIZES[labels][0], seed, last=last, how=how)
            figures[f"fused {name} {task.name}"] = accuracy(done, task, task.held_out)
            if done.fused.mix is not None:
                figures[f"mix weights {task.name}"] = done.fused.mix.weights.tolist()
    return figures


def forgetting(task: Task, model: BertForPreTraining, language: Language, seed: int) -> dict:
    """Masked-LM loss on running text after fine-tuning with the most labels."""
    size = max(SIZES)
    figures = {}
    for name, strategy in STRATEGIES.items():
        done = tuned(task, task.draw(size, 100 * seed), model.bert, strategy, SIZES[size][0], seed)
        figures[f"masked loss after {name}"] = masked_loss(model, done.encoder, language)
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    run("finetune_labels", CLAIM, measure, __file__)
