"""A linear bag of n-grams against a recurrent network: accuracy and time, and what the label tree saves.

Two tasks on sentences of the generated language. Topic: which of the topics is the document about that a
sentence was taken from (one in six holds an aside about another topic)? Last word: which of some
two thousand words ended the sentence; a task with many classes, where the output layer is the cost.
A sweep over random labels times both output layers alone. Everything runs on one thread; time is processor
time of training and of labelling the test sentences, without the preparation that all models share. Neither
model was tuned: each has one setting, chosen before the first run.
"""

import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.embeddings import fasttext_classifier as linear
from course_lib.text.vocab import Vocabulary
from course_lib.training.experiment import Claim, run

CLAIM = Claim(
    id="fasttext-classifier",
    statement="fastText's linear classifier is as accurate as a recurrent network and much faster to train.",
    metric="accuracy of a sentence's topic (the verdict's figure), with seconds of training beside it",
    control="bidirectional LSTM with max-pooling, trained with Adam on the same sentences",
    smallest_effect=0.01,
    seeds=(0, 1, 2),
)
TRAIN, TEST = 20_000, 5_000
LABELS = (10, 100, 1000, 10_000, 100_000)
LINEAR = linear.ClassifierConfig(size=50, buckets=100_000, learning_rate=0.5, epochs=5)
Sentences = list[list[str]]


def topic_task(language: Language, seed: int) -> tuple[Sentences, list[str]]:
    """Sentences of five words or more, in random order, with the topic of their document."""
    corpus = language.sample(14 * (TRAIN + TEST), seed=seed + 1)
    topic = corpus.topics[corpus.sentence_documents]
    pairs = [(s, str(t)) for s, t in zip(corpus.tokens(), topic.tolist(), strict=True) if len(s) >= 5]
    order = np.random.default_rng(seed).permutation(len(pairs))[: TRAIN + TEST]
    return [pairs[i][0] for i in order], [pairs[i][1] for i in order]


def last_word_task(language: Language, seed: int) -> tuple[Sentences, list[str]]:
    """Sentences without their last word and full stop; the label is that word."""
    sentences, _ = topic_task(language, seed)
    return [s[:-2] for s in sentences], [s[-2] for s in sentences]


class Recurrent(nn.Module):
    """Embedding, bidirectional LSTM, maximum over time, linear layer. Id 0 is padding."""

    def __init__(self, words: int, classes: int, width: int = 50, hidden: int = 64) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words + 1, width, padding_idx=0)
        self.lstm = nn.LSTM(width, hidden, batch_first=True, bidirectional=True)
        self.output = nn.Linear(2 * hidden, classes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (B, C) of padded ids (B, T)."""
        lengths = (ids > 0).sum(1).clamp(min=1)
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embedding(ids), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, padding_value=-1e9
        )
        return self.output(states.amax(1))


def padded(vocabulary: Vocabulary, sentences: Sentences) -> Tensor:
    """Ids from 1, 0 for padding and at least one column: (N, T)."""
    ids = [torch.from_numpy(vocabulary.encode(s)).long() + 1 for s in sentences]
    return nn.utils.rnn.pad_sequence(ids, batch_first=True)


def recurrent(
    train: tuple[Sentences, list[str]], test: tuple[Sentences, list[str]], seed: int, epochs: int = 3
):
    """Accuracy and seconds of the recurrent network."""
    torch.manual_seed(seed)
    words, labels = Vocabulary.from_sentences(train[0]), Vocabulary.from_sentences([train[1]])
    ids, target = padded(words, train[0]), torch.from_numpy(labels.encode(train[1])).long()
    model = Recurrent(len(words), len(labels))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    start = time.process_time()
    for _ in range(epochs):
        for batch in torch.randperm(len(ids)).split(64):
            loss = nn.functional.cross_entropy(model(ids[batch]), target[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    trained = time.process_time()
    with torch.no_grad():
        guesses = torch.cat([model(part).argmax(1) for part in padded(words, test[0]).split(256)])
    done = time.process_time()
    right = np.mean([labels.words[g] == y for g, y in zip(guesses.tolist(), test[1], strict=True)])
    return {"accuracy": float(right), "seconds": trained - start, "labelling": done - trained}


def bag(
    train: tuple[Sentences, list[str]], test: tuple[Sentences, list[str]], config: linear.ClassifierConfig
):
    """Accuracy and seconds of fastText's classifier."""
    words, labels = Vocabulary.from_sentences(train[0]), Vocabulary.from_sentences([train[1]])
    model = linear.FastTextClassifier(words, labels, config)
    bags, target = model.rows_of(train[0]), labels.encode(train[1])
    start = time.process_time()
    linear.fit(model, bags, target)
    trained = time.process_time()
    held_out = model.rows_of(test[0])
    with torch.no_grad():
        hidden = model.hidden(held_out)
        guesses = torch.cat([model.log_probs(part).argmax(1) for part in hidden.split(256)])
    done = time.process_time()
    right = np.mean([labels.words[g] == y for g, y in zip(guesses.tolist(), test[1], strict=True)])
    return {"accuracy": float(right), "seconds": trained - start, "labelling": done - trained}


def step_milliseconds(sentences: Sentences, labels: int, objective: str, seed: int, steps: int = 60) -> float:
    """Milliseconds of a training step with many labels, all equally frequent."""
    config = replace(LINEAR, objective=objective, epochs=1)
    names = Vocabulary([str(i) for i in range(labels)])
    model = linear.FastTextClassifier(Vocabulary.from_sentences(sentences), names, config)
    bags = model.rows_of(sentences[: steps * config.batch])
    targets = np.random.default_rng(seed).integers(labels, size=len(bags))
    start = time.process_time()
    linear.fit(model, bags, targets)
    return 1000 * (time.process_time() - start) / steps


def shuffled(sentences: Sentences, seed: int) -> Sentences:
    """The same words in random order."""
    rng = np.random.default_rng(seed)
    return [[s[i] for i in rng.permutation(len(s))] for s in sentences]


def split(task: Callable[[Language, int], tuple[Sentences, list[str]]], language: Language, seed: int):
    """Training and test sentences with their labels."""
    sentences, labels = task(language, seed)
    return (sentences[:TRAIN], labels[:TRAIN]), (sentences[TRAIN:], labels[TRAIN:])


def measure(seed: int, device: str, minutes: float) -> dict[str, object]:
    """All figures of one seed."""
    torch.set_num_threads(1)
    language = Language(LanguageConfig(vocab_size=2000, seed=seed))
    train, test = split(topic_task, language, seed)
    config = replace(LINEAR, seed=seed)
    figures: dict[str, object] = {
        "classes": len(set(train[1])),
        "majority": max(np.mean([y == label for y in test[1]]) for label in set(test[1])),
        "words": bag(train, test, config),
        "bigrams": bag(train, test, replace(config, word_ngrams=2)),
        "tree": bag(train, test, replace(config, objective="hierarchical")),
        "recurrent": recurrent(train, test, seed),
    }
    figures["recurrent_shuffled"] = recurrent(
        (shuffled(train[0], seed), train[1]), (shuffled(test[0], seed + 1), test[1]), seed
    )
    figures["labels"] = list(LABELS)
    for name in ("softmax", "hierarchical"):
        figures[f"step_{name}"] = [step_milliseconds(train[0], n, name, seed) for n in LABELS]
    train, test = split(last_word_task, language, seed)
    figures["many_classes"] = len(set(train[1]))
    figures["many_majority"] = max(np.mean([y == label for y in test[1]]) for label in set(test[1]))
    figures["many_softmax"] = bag(train, test, config)
    figures["many_tree"] = bag(train, test, replace(config, objective="hierarchical"))
    return figures


if __name__ == "__main__":
    run("fasttext_classifier", CLAIM, measure, __file__)
