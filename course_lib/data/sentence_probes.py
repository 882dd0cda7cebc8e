"""Questions about one sentence: its topic, the number of its verb, the second part of a name."""

import numpy as np

from course_lib.data.cloze_probe import GAP
from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.lexicon import INFLECTION_NAMES
from course_lib.data.word_probes import CANDIDATES, check_count

ChoiceQuestion = tuple[list[str], int, list[str], int]
ATTRACTED = ("P", "R", "X", "Y", "B", "Q", "Z")  # roles that may stand between subject and verb


def role(name: str) -> int:
    """The id of a role in Corpus.roles."""
    return ROLE_NAMES.index(name)


def sentence_of(corpus: Corpus, tokens: np.ndarray) -> np.ndarray:
    """The sentence of each token (n,) -> (n,)."""
    return np.searchsorted(corpus.sentences, tokens, side="right") - 1


def topics(lang: Language, n: int, seed: int = 0) -> list[tuple[list[str], int]]:
    """n sentences with an aside about another topic, and the topic of the sentence itself.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the text and the choice.
    """
    return [question for question, _ in located_topics(lang, n, seed)[0]]


def located_topics(
    lang: Language, n: int, seed: int
) -> tuple[list[tuple[tuple[list[str], int], int]], Corpus]:
    """The questions with the sentence each was taken from, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([35, seed])
    corpus = lang.sample(max(30_000, 100 * n), seed=32_452_843 + seed)
    topical = (lang.senses.topic[corpus.senses] < lang.topics) & (corpus.clauses == 0)
    solvable = np.add.reduceat(topical, corpus.sentences[:-1]) > 0  # some word outside the aside tells
    rows = generator.permutation(np.flatnonzero((corpus.asides >= 0) & solvable))[:n]
    main = corpus.topics[corpus.sentence_documents[rows]]
    return [
        ((corpus.sentence(row), int(topic)), int(row)) for row, topic in zip(rows, main, strict=True)
    ], corpus


def agreement(lang: Language, n: int, seed: int = 0) -> list[ChoiceQuestion]:
    """n sentences cut before their verb: (tokens, position of the verb, [singular, plural form], index).

    In a third of them the verb follows its subject at once, in the others nouns or verbs stand between.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the text and the choice.
    """
    return [question for question, _ in located_agreement(lang, n, seed)[0]]


def located_agreement(lang: Language, n: int, seed: int) -> tuple[list[tuple[ChoiceQuestion, int]], Corpus]:
    """The questions with the token of each verb, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([36, seed])
    corpus = lang.sample(max(30_000, 120 * n), seed=49_979_687 + seed)
    inflection = lang.senses.inflection[corpus.senses]
    present = [INFLECTION_NAMES.index("present"), INFLECTION_NAMES.index("base")]
    verbs = np.flatnonzero((corpus.roles == role("V")) & np.isin(inflection, present))
    previous = corpus.roles[verbs - 1]
    far = verbs[np.isin(previous, [role(name) for name in ATTRACTED])]
    far = np.concatenate([far, verbs[corpus.ids[verbs - 1] == lang.index[","]]])
    near = verbs[previous == role("S")]
    chosen = [generator.permutation(far)[: n - n // 3], generator.permutation(near)[: n // 3]]
    out = []
    for token in generator.permutation(np.concatenate(chosen)).tolist():
        lemma = lang.senses.lemma[corpus.senses[token]]
        forms = [_form(lang, lemma, name) for name in ("present", "base")]
        row = int(sentence_of(corpus, np.array([token]))[0])
        place = token - int(corpus.sentences[row])
        right = int(lang.senses.inflection[corpus.senses[token]] == present[1])
        out.append(((corpus.sentence(row)[:place], place, forms, right), token))
    return out, corpus


def _form(lang: Language, lemma: int, inflection: str) -> str:
    rows = lang.senses.lemma == lemma
    rows &= lang.senses.inflection == INFLECTION_NAMES.index(inflection)
    return lang.forms[int(lang.senses.form[np.flatnonzero(rows)[0]])]


def names(lang: Language, n: int, seed: int = 0) -> list[ChoiceQuestion]:
    """n sentences whose entity lacks its last name: (tokens with the gap, position, five candidates, index).

    The wrong ones follow the same first name in other topics, or other first names in this topic: neither the
    first name nor the topic alone decides.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the text and the choice.
    """
    return [question for question, _, _ in located_names(lang, n, seed)[0]]


def located_names(lang: Language, n: int, seed: int) -> tuple[list[tuple[ChoiceQuestion, int, int]], Corpus]:
    """The questions with sentence and entity id, and the corpus."""
    check_count(n)
    generator = np.random.default_rng([37, seed])
    corpus = lang.sample(max(40_000, 150 * n), seed=67_867_967 + seed)
    full = corpus.entities[corpus.entities[:, 1] - corpus.entities[:, 0] == 2]
    out = []
    for first, end, kind, entity in generator.permutation(full).tolist():
        wrong = _wrong_names(lang, entity, kind, generator)
        if len(wrong) < CANDIDATES - 1:
            continue
        place = int(generator.integers(CANDIDATES))
        options = [*wrong[:place], lang.forms[lang.entities[entity, 1]], *wrong[place:]]
        row = int(sentence_of(corpus, np.array([first]))[0])
        words = corpus.sentence(row)
        gap = end - 1 - int(corpus.sentences[row])
        words[gap] = GAP
        out.append(((words, gap, options, place), row, entity))
        if len(out) == n:
            break
    return out, corpus


def _wrong_names(lang: Language, entity: int, kind: int, generator: np.random.Generator) -> list[str]:
    """Two last names of the same first name elsewhere, two of other first names of the same topic."""
    first, last, _, topic = lang.entities[entity]
    same_kind = lang.entities[lang.entities[:, 2] == kind]
    here = np.unique(same_kind[(same_kind[:, 3] == topic) & (same_kind[:, 1] != last)][:, 1])
    beside = same_kind[(same_kind[:, 0] == first) & (same_kind[:, 3] != topic)]
    near = np.isin(beside[:, 3], [topic ^ 1])
    others = np.concatenate([beside[near], generator.permutation(beside[~near])])[:, 1]
    elsewhere = [int(x) for x in dict.fromkeys(others.tolist()) if x != last and x not in here][:2]
    chosen = [*generator.permutation(here)[: CANDIDATES - 1 - len(elsewhere)].tolist(), *elsewhere]
    return [lang.forms[i] for i in generator.permutation(np.array(chosen, np.int64))]
