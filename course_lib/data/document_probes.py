"""Questions about documents: does this sentence follow that one, in which order, who is meant?"""

import numpy as np

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.lexicon import ENTITY_TYPES
from course_lib.data.word_probes import check_count

PairQuestion = tuple[list[str], list[str], int]
EntityQuestion = tuple[list[str], int, int, str]


def _has_verb(corpus: Corpus) -> np.ndarray:
    """(S,) whether the main verb of a sentence is a content word."""
    rows = (
        np.searchsorted(corpus.sentences, np.flatnonzero(corpus.roles == ROLE_NAMES.index("V")), "right") - 1
    )
    out = np.zeros(len(corpus.asides), bool)
    out[rows] = True
    return out


def _neighbours(corpus: Corpus) -> np.ndarray:
    """Sentences (n,) that have a next sentence in their document, both with a main verb."""
    rows = np.arange(len(corpus.asides) - 1)
    document, verb = corpus.sentence_documents, _has_verb(corpus)
    return rows[(document[:-1] == document[1:]) & verb[:-1] & verb[1:]]


def next_sentence(lang: Language, n: int, seed: int = 0) -> list[PairQuestion]:
    """n pairs of sentences (a, b, label): 1 where b follows a in a document, 0 where it is from another
    document.

    Half of the strangers come from a document of the same topic, so that the topic is not enough.

    Args:
        lang: the language. n: number of pairs, at least 1. seed: of the text and the choice.
    """
    return [question for question, _ in located_next(lang, n, seed)[0]]


def located_next(
    lang: Language, n: int, seed: int
) -> tuple[list[tuple[PairQuestion, tuple[int, int]]], Corpus]:
    """The pairs with their two sentences, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([38, seed])
    corpus = lang.sample(max(40_000, 60 * n), seed=86_028_121 + seed)
    firsts = generator.choice(_neighbours(corpus), size=n)
    topic = corpus.topics[corpus.sentence_documents]
    verb = np.flatnonzero(_has_verb(corpus))
    by_topic = [verb[topic[verb] == t] for t in range(lang.topics)]
    out = []
    for i, first in enumerate(firsts.tolist()):
        second, label = first + 1, i % 2
        while not label and corpus.sentence_documents[second] == corpus.sentence_documents[first]:
            pool = by_topic[topic[first]] if i % 4 else verb
            second = int(generator.choice(pool))
        out.append(((corpus.sentence(first), corpus.sentence(second), label), (first, second)))
    return [out[i] for i in generator.permutation(n)], corpus


def sentence_order(lang: Language, n: int, seed: int = 0) -> list[PairQuestion]:
    """n pairs of neighbouring sentences (a, b, label): 1 where they stand as in the document, 0 where
    swapped.

    A third of the pairs begin a document, a third end one, where words such as "first" help.

    Args:
        lang: the language. n: number of pairs, at least 1. seed: of the text and the choice.
    """
    return [question for question, _ in located_order(lang, n, seed)[0]]


def located_order(
    lang: Language, n: int, seed: int
) -> tuple[list[tuple[PairQuestion, tuple[int, int]]], Corpus]:
    """The pairs with their two sentences in the order shown, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([39, seed])
    corpus = lang.sample(max(60_000, 120 * n), seed=104_395_301 + seed)
    rows = _neighbours(corpus)
    opens = np.isin(rows, corpus.documents[:-1])
    closes = np.isin(rows + 2, corpus.documents[1:])
    groups = [rows[opens], rows[closes], rows[~opens & ~closes]]
    chosen = [generator.choice(group, size=n // 3 + 1) for group in groups]
    out: list[tuple[PairQuestion, tuple[int, int]]] = []
    for i, first in enumerate(generator.permutation(np.concatenate(chosen))[:n].tolist()):
        pair = (first, first + 1) if i % 2 else (first + 1, first)
        out.append(((corpus.sentence(pair[0]), corpus.sentence(pair[1]), i % 2), pair))
    return [out[i] for i in generator.permutation(n)], corpus


def entity_types(lang: Language, n: int, seed: int = 0) -> list[EntityQuestion]:
    """n mentions by last name alone: (the document up to the end of the sentence, start, end, type).

    The last name is shared by entities of several types. An earlier full mention in the document tells which.

    Args:
        lang: the language. n: number of mentions, at least 1. seed: of the text and the choice.
    """
    return [question for question, _ in located_entities(lang, n, seed)[0]]


def located_entities(lang: Language, n: int, seed: int) -> tuple[list[tuple[EntityQuestion, int]], Corpus]:
    """The questions with the row of each mention in Corpus.entities, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([40, seed])
    each, tokens = n // len(ENTITY_TYPES) + 1, max(60_000, 600 * n)
    by_type: list[np.ndarray] = []
    while not by_type or min(map(len, by_type)) < each:
        corpus = lang.sample(tokens, seed=122_949_823 + seed)
        start, end, kind, _ = corpus.entities.T
        short = np.flatnonzero(end - start == 1)
        by_type = [generator.permutation(short[kind[short] == k]) for k in range(len(ENTITY_TYPES))]
        tokens *= 2
    chosen = np.concatenate([rows[:each] for rows in by_type])
    spellings = np.asarray(corpus.forms, dtype=object)
    starts = corpus.sentences[corpus.documents]
    out = []
    for row in generator.permutation(chosen)[:n].tolist():
        first = int(starts[np.searchsorted(starts, start[row], side="right") - 1])
        last = int(corpus.sentences[np.searchsorted(corpus.sentences, start[row], side="right")])
        words = spellings[corpus.ids[first:last]].tolist()
        question = (words, int(start[row]) - first, int(end[row]) - first, ENTITY_TYPES[kind[row]])
        out.append((question, row))
    return out, corpus
