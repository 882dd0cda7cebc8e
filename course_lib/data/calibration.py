"""Calibration of the probes: chance < counting < oracle, at least ten points apart, on every one.

No probe can be solved by counting, and none is unsolvable. Each function runs one probe with the counting
baselines of `counting` and the oracle of `oracles`.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from course_lib.data import (
    cloze_probe,
    counting,
    document_probes,
    oracles,
    sense_probe,
    sentence_probes,
    word_probes,
)
from course_lib.data.corpus import Corpus
from course_lib.data.counting import NaiveBayes, bag, bigrams, window
from course_lib.data.grammar import Language
from course_lib.data.lexicon import ENTITY_TYPES


@dataclass(frozen=True)
class Calibration:
    """Scores in [0, 1] on one probe: accuracy, for similarity Spearman's rank correlation.

    Attributes:
        probe: its name. chance: of a guess. bag: of a bag of words. ngram: of n-grams, or None where there is
        no
            order to see. oracle: of one who is told the truth.
    """

    probe: str
    chance: float
    bag: float
    ngram: float | None
    oracle: float

    @property
    def counting(self) -> float:
        """The better of the two counting baselines."""
        return max(self.bag, self.ngram or 0.0)


@dataclass(frozen=True)
class Setting:
    """What every calibration needs: the language, a text to count in, number of questions, seed."""

    lang: Language
    text: Corpus
    n: int
    seed: int


def _accuracy(chosen: Sequence[Hashable], right: Sequence[Hashable]) -> float:
    return float(np.mean([a == b for a, b in zip(chosen, right, strict=True)]))


def _bayes(
    train: Sequence[tuple[counting.Features, Hashable]], test: Sequence[tuple[counting.Features, Hashable]]
) -> float:
    """Accuracy of naive Bayes over all labels seen in training."""
    model = NaiveBayes(train)
    labels = list(model.labels)
    return _accuracy([labels[model.choose(x, labels)] for x, _ in test], [y for _, y in test])


def similarity(s: Setting) -> Calibration:
    """Counting: cosine of raw co-occurrence rows. Oracle: the lexicon."""
    from scipy.stats import spearmanr

    vectors, index = counting.count_vectors(s.text), s.lang.index
    pairs = word_probes.similarity(s.lang, s.n, s.seed)
    cosines = [float(vectors[index[a]] @ vectors[index[b]]) for a, b, _ in pairs]
    return Calibration("similarity", 0.0, float(spearmanr(cosines, [t for *_, t in pairs])[0]), None, 1.0)


def synonyms(s: Setting) -> Calibration:
    """Counting: the candidate with the nearest row of raw counts."""
    vectors, index = counting.count_vectors(s.text), s.lang.index
    questions = word_probes.synonyms(s.lang, s.n, s.seed)
    chosen = [int(np.argmax(vectors[[index[c] for c in cs]] @ vectors[index[q]])) for q, cs, _ in questions]
    return Calibration("synonyms", 1 / 5, _accuracy(chosen, [i for *_, i in questions]), None, 1.0)


def analogies(s: Setting) -> Calibration:
    """Counting: the form nearest to b − a + c among all, on raw counts."""
    vectors, index = counting.count_vectors(s.text), s.lang.index
    questions = word_probes.analogies(s.lang, s.n, s.seed)
    ids = np.array([[index[w] for w in question] for question in questions])
    goal = vectors[ids[:, 1]] - vectors[ids[:, 0]] + vectors[ids[:, 2]]
    scores = goal @ vectors.T
    for column in range(3):
        scores[np.arange(len(ids)), ids[:, column]] = -np.inf
    return Calibration(
        "analogies", 1 / len(index), _accuracy(scores.argmax(1).tolist(), ids[:, 3].tolist()), None, 1.0
    )


def senses(s: Setting, same_pos: bool | None = None) -> Calibration:
    """Counting: naive Bayes over the form's senses, from the annotated text."""
    lang = s.lang
    located, corpus = sense_probe.located_senses(lang, s.n, s.seed, same_pos)
    tokens = sense_probe.candidates(lang, s.text, same_pos)
    rows = sentence_probes.sentence_of(s.text, tokens)
    seen = []
    for token, row in zip(tokens.tolist(), rows.tolist(), strict=True):
        seen.append((s.text.sentence(row), token - int(s.text.sentences[row]), int(s.text.senses[token])))
    scores = []
    for features in (bag, window):
        model = NaiveBayes([(features(words, i), sense) for words, i, sense in seen])
        hits = []
        for (words, i, sense, form), _, _ in located:
            options = lang.senses_of(form).tolist()
            hits.append(options[model.choose(features(words, i), options)] == sense)
        scores.append(float(np.mean(hits)))
    right = [oracles.sense(lang, corpus, token, row) == q[2] for q, token, row in located]
    chance = float(np.mean([1 / len(lang.senses_of(q[3])) for q, _, _ in located]))
    name = {None: "senses", True: "senses, same part of speech", False: "senses, other part of speech"}[
        same_pos
    ]
    return Calibration(name, chance, scores[0], scores[1], float(np.mean(right)))


def _choices(s: Setting, questions: Sequence[cloze_probe.ClozeQuestion]) -> tuple[float, float]:
    """Bag of words and n-gram on gaps with candidates: p(context | candidate) p(candidate), counted."""
    wanted = {c for _, _, cs, _ in questions for c in cs}
    seen = [(words, i) for words in s.text.tokens() for i, word in enumerate(words) if word in wanted]
    scores = []
    for features in (bag, lambda words, i: window(words, i, 1)):
        model = NaiveBayes([(features(words, i), words[i]) for words, i in seen])
        chosen = [model.choose(features(words, i), cs) for words, i, cs, _ in questions]
        scores.append(_accuracy(chosen, [right for *_, right in questions]))
    return scores[0], scores[1]


def cloze(s: Setting) -> Calibration:
    """Counting: the candidate that fits the sentence's other words, or the two neighbours, by counts."""
    located, corpus = cloze_probe.located_cloze(s.lang, s.n, s.seed)
    chosen = [oracles.gap(s.lang, corpus, token, head, options) for _, token, head, options in located]
    right = [q[3] for q, *_ in located]
    scores = _choices(s, [q for q, *_ in located])
    return Calibration("cloze", 1 / 5, scores[0], scores[1], _accuracy(chosen, right))


def names(s: Setting) -> Calibration:
    """Counting: as for cloze. Oracle: the table of entities, and the topic of the sentence's own clauses."""
    located, corpus = sentence_probes.located_names(s.lang, s.n, s.seed)
    chosen = [oracles.last_name(s.lang, corpus, row, entity) for _, row, entity in located]
    right = [q[2][q[3]] for q, *_ in located]
    scores = _choices(s, [q for q, *_ in located])
    return Calibration("names", 1 / 5, scores[0], scores[1], _accuracy(chosen, right))


def topics(s: Setting) -> Calibration:
    """Counting: naive Bayes on words or bigrams, trained on sentences of the same kind."""
    located, corpus = sentence_probes.located_topics(s.lang, s.n, s.seed)
    train = sentence_probes.topics(s.lang, 1500, s.seed + 1)
    scores = [
        _bayes([(f(w), t) for w, t in train], [(f(w), t) for (w, t), _ in located]) for f in (bag, bigrams)
    ]
    right = [oracles.topic(s.lang, corpus, row) == t for (_, t), row in located]
    return Calibration("topics", 1 / s.lang.topics, scores[0], scores[1], float(np.mean(right)))


def agreement(s: Setting) -> Calibration:
    """Counting: naive Bayes on the words before the verb, or on the last two."""
    located, corpus = sentence_probes.located_agreement(s.lang, s.n, s.seed)
    train = sentence_probes.agreement(s.lang, 3000, s.seed + 1)
    scores = []
    for f in (lambda words: bag(words), lambda words: window(words, len(words), 2)[:2]):
        scores.append(_bayes([(f(q[0]), q[3]) for q in train], [(f(q[0]), q[3]) for q, _ in located]))
    right = [oracles.is_plural(s.lang, corpus, verb) == q[3] for q, verb in located]
    return Calibration("agreement", 1 / 2, scores[0], scores[1], float(np.mean(right)))


def next_sentence(s: Setting) -> Calibration:
    """Counting: mean log-lift of word pairs of neighbouring sentences, with a threshold from training."""
    located, corpus = document_probes.located_next(s.lang, s.n, s.seed)
    lift, index = counting.neighbour_pmi(s.text), s.lang.index

    def score(a: list[str], b: list[str]) -> float:
        return float(lift[np.ix_([index[w] for w in a], [index[w] for w in b])].mean())

    train = [(score(a, b), y) for a, b, y in document_probes.next_sentence(s.lang, 1500, s.seed + 1)]
    order = sorted(train)
    below = np.concatenate([[0], np.cumsum([1 - 2 * y for _, y in order])])
    cut = [-np.inf, *(x for x, _ in order)][int(np.argmax(below))]
    labels = [q[2] for q, _ in located]
    guessed = [int(score(a, b) > cut) for (a, b, _), _ in located]
    told = [int(oracles.follows(s.lang, corpus, *pair) > 0.5) for _, pair in located]
    return Calibration("next sentence", 1 / 2, _accuracy(guessed, labels), None, _accuracy(told, labels))


def sentence_order(s: Setting) -> Calibration:
    """Counting: naive Bayes on the words, or bigrams, of the first and of the second sentence."""
    located, corpus = document_probes.located_order(s.lang, s.n, s.seed)
    train = document_probes.sentence_order(s.lang, 3000, s.seed + 1)
    scores = []
    for f in (bag, bigrams):
        seen, asked = ([(_of_both(q, f), q[2]) for q in part] for part in (train, [q for q, _ in located]))
        scores.append(_bayes(seen, asked))
    right = [(oracles.comes_first(s.lang, corpus, *rows) > 0) == bool(q[2]) for q, rows in located]
    return Calibration("sentence order", 1 / 2, scores[0], scores[1], float(np.mean(right)))


def _of_both(question: document_probes.PairQuestion, features: Callable) -> list[Hashable]:
    """The features of both sentences, each marked with its sentence."""
    return [(place, x) for place in (0, 1) for x in features(question[place])]


def entity_types(s: Setting) -> Calibration:
    """Counting: naive Bayes on the document's words, or on the name and its neighbours."""
    located, corpus = document_probes.located_entities(s.lang, s.n, s.seed)
    train = document_probes.entity_types(s.lang, 2000, s.seed + 1)
    scores = []
    for f in (lambda q: bag(q[0]), lambda q: [*window(q[0], q[1]), (0, q[0][q[1]])]):
        scores.append(_bayes([(f(q), q[3]) for q in train], [(f(q), q[3]) for q, _ in located]))
    told = [ENTITY_TYPES[oracles.entity_type(corpus, row)] for _, row in located]
    return Calibration(
        "entity types", 1 / 3, scores[0], scores[1], _accuracy(told, [q[3] for q, _ in located])
    )


PROBES: dict[str, Callable[[Setting], Calibration]] = {
    "similarity": similarity,
    "synonyms": synonyms,
    "analogies": analogies,
    "senses": senses,
    "senses, same part of speech": lambda s: senses(s, True),
    "senses, other part of speech": lambda s: senses(s, False),
    "cloze": cloze,
    "names": names,
    "topics": topics,
    "agreement": agreement,
    "next sentence": next_sentence,
    "sentence order": sentence_order,
    "entity types": entity_types,
}


def calibrate(lang: Language, n: int = 600, tokens: int | None = None, seed: int = 0) -> list[Calibration]:
    """Calibrate every probe.

    Args:
        lang: the language. n: questions of each probe, at least 1. seed: of texts and questions.
        tokens: size of the text to count in; None is 100 tokens for each form of the vocabulary.
    """
    word_probes.check_count(n)
    size = 100 * len(lang.forms) if tokens is None else tokens
    setting = Setting(lang, lang.sample(size, seed=1_000_003 + seed), n, seed)
    return [probe(setting) for probe in PROBES.values()]
