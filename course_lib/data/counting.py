"""What counting can do: the baselines against which every probe is calibrated.

Bags of words and n-grams with naive Bayes (Maron 1961, "Automatic Indexing", doi:10.1145/321075.321084) for
questions with labels, co-occurrence counts for questions about words.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from scipy import sparse

from course_lib.data.corpus import Corpus

EDGE = "<edge>"
Features = Sequence[Hashable]


class NaiveBayes:
    """Counts of features by label, with add-`smoothing` estimates."""

    def __init__(self, examples: Iterable[tuple[Features, Hashable]], smoothing: float = 0.1) -> None:
        self.smoothing = smoothing
        self.labels: Counter[Hashable] = Counter()
        self.counts: dict[Hashable, Counter[Hashable]] = {}
        self.known: set[Hashable] = set()
        for features, label in examples:
            self.labels[label] += 1
            self.counts.setdefault(label, Counter()).update(features)
            self.known.update(features)
        self.totals = {label: sum(counts.values()) for label, counts in self.counts.items()}

    def score(self, features: Features, label: Hashable) -> float:
        """log p(label) + Σ log p(feature | label), up to a constant, over the features seen in training."""
        counts = self.counts.get(label, Counter())
        below = self.totals.get(label, 0) + self.smoothing * (len(self.known) + 1)
        out = float(np.log(self.labels[label] + self.smoothing))
        return out + sum(
            float(np.log((counts[feature] + self.smoothing) / below))
            for feature in features
            if feature in self.known
        )

    def choose(self, features: Features, labels: Sequence[Hashable]) -> int:
        """Index of the best of the given labels."""
        return int(np.argmax([self.score(features, label) for label in labels]))


def bag(words: Sequence[str], position: int | None = None) -> list[str]:
    """The words of a sentence without the one at `position`: their order is lost."""
    return [word for i, word in enumerate(words) if i != position]


def window(words: Sequence[str], position: int, size: int = 2) -> list[tuple[int, str]]:
    """The neighbours at distance up to `size`, each with its distance: what an n-gram sees."""
    return [
        (offset, words[position + offset] if 0 <= position + offset < len(words) else EDGE)
        for offset in range(-size, size + 1)
        if offset
    ]


def bigrams(words: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of neighbours, with the edges."""
    padded = [EDGE, *words, EDGE]
    return list(pairwise(padded))


def cooccurrence(corpus: Corpus) -> sparse.csr_matrix:
    """How often two forms share a sentence: (V, V) counts, the diagonal left out."""
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    shape = (len(corpus.asides), len(corpus.forms))
    table = sparse.csr_matrix((np.ones(len(corpus), np.float64), (sentence, corpus.ids)), shape=shape)
    counts = (table.T @ table).tolil()
    counts.setdiag(0)
    return counts.tocsr()


def count_vectors(corpus: Corpus) -> np.ndarray:
    """Rows of raw co-occurrence counts, scaled to length 1: (V, V); for a V of some thousands."""
    counts = cooccurrence(corpus).toarray()
    return counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-12)


def neighbour_pmi(corpus: Corpus, smoothing: float = 0.5) -> np.ndarray:
    """log of (observed + s) / (expected + s) for forms in a sentence and in the next one: (V, V)."""
    document = corpus.sentence_documents
    pairs = np.flatnonzero(document[:-1] == document[1:])
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    shape = (len(corpus.asides), len(corpus.forms))
    table = sparse.csr_matrix((np.ones(len(corpus)), (sentence, corpus.ids)), shape=shape)
    first, second = table[pairs], table[pairs + 1]
    seen = (first.T @ second).toarray()
    margin = np.asarray(first.sum(axis=0)).reshape(-1, 1) * np.asarray(second.sum(axis=0)).reshape(1, -1)
    return np.log((seen + smoothing) / (margin / margin.sum() * seen.sum() + smoothing))
