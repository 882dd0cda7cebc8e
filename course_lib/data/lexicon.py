"""The lexicon of the generated language: lemmas, inflections, senses, synonyms, homonyms, names.

A lemma belongs to a class (noun, verb, adjective) and to one topic or to none ("general"). Its forms are
made with productive affixes. Two lemmas that share a stem are homonyms: one spelling, several senses.
Two lemmas of one synset are synonyms: they fill the same slots and keep the same company.
Frequencies follow Zipf's law within each class and topic (Zipf 1949).
"""

from dataclasses import dataclass, field

import numpy as np

from course_lib.data.function_words import FUNCTION_WORDS
from course_lib.data.spelling import stems

POS_NAMES = ("NOUN", "VERB", "ADJ", "ADV", "NAME", "DET", "PREP", "CONJ", "PRON", "AUX", "PUNCT")
CLASSES = ("noun", "verb", "adj")
# class -> inflection -> (prefix, suffix, part of speech)
INFLECTIONS: dict[str, dict[str, tuple[str, str, str]]] = {
    "noun": {"singular": ("", "", "NOUN"), "plural": ("", "s", "NOUN")},
    "verb": {
        "base": ("", "", "VERB"),
        "present": ("", "eth", "VERB"),
        "past": ("", "ed", "VERB"),
        "agent": ("", "or", "NOUN"),
        "agents": ("", "ors", "NOUN"),
    },
    "adj": {
        "plain": ("", "", "ADJ"),
        "more": ("", "er", "ADJ"),
        "not": ("un", "", "ADJ"),
        "manner": ("", "ly", "ADV"),
    },
}
INFLECTION_NAMES = ("word", *(name for table in INFLECTIONS.values() for name in table))
ENTITY_TYPES = ("PERSON", "PLACE", "ORGANISATION")
SHARE_OF_FORMS = {"verb": 0.28, "adj": 0.20}
GENERAL = 0.2  # share of lemmas that belong to no topic
SYNONYMS = 0.35  # share of the lemmas without a homonym that have a synonym
# how the ambiguous forms are made: (classes of the two lemmas, pairs per ambiguous form wanted, forms per
# pair)
HOMONYMS = (
    (("noun", "noun"), 0.30, 2),
    (("verb", "verb"), 0.02, 5),
    (("noun", "adj"), 0.16, 1),
    (("noun", "verb"), 0.16, 1),
)


@dataclass(frozen=True)
class Senses:
    """One row a sense: a lemma in one inflection, or a function word, or a part of a name.

    Attributes (each of shape (n,)):
        form: id of the spelling. pos: index into POS_NAMES. topic: index into the topic names; the last is
        "general".
        synset: senses of one synset and inflection mean the same. lemma: id of the word family.
        inflection: index into INFLECTION_NAMES.
    """

    form: np.ndarray
    pos: np.ndarray
    topic: np.ndarray
    synset: np.ndarray
    lemma: np.ndarray
    inflection: np.ndarray

    def __len__(self) -> int:
        return len(self.form)


@dataclass
class Lemmas:
    """One row a lemma: class index, topic, Zipf weight and rank, synset, homonym."""

    kind: np.ndarray
    topic: np.ndarray
    weight: np.ndarray
    rank: np.ndarray  # rank by weight within class and topic, 0 first
    synset: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    twin: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # the homonymous lemma, or -1

    def __len__(self) -> int:
        return len(self.kind)


def partner(topic: np.ndarray) -> np.ndarray:
    """The topic from which a topic borrows its asides and most of its homonyms: 0-1, 2-3, ..."""
    return np.asarray(topic) ^ 1


def wanted_ambiguous(vocab_size: int) -> int:
    """How many forms shall have several senses: 11 % of a small vocabulary, 200 and 2 % of a large one."""
    return int(min(0.11 * vocab_size, 200 + 0.02 * vocab_size))


@dataclass(frozen=True)
class Sizes:
    """How many lemmas of each class, homonym pairs of each kind and name parts fill a vocabulary exactly."""

    lemmas: dict[str, int]
    pairs: tuple[int, ...]
    firsts: int
    lasts: int


def sizes(vocab_size: int) -> Sizes:
    """Divide `vocab_size` forms among function words, names and word families."""
    wanted = wanted_ambiguous(vocab_size)
    pairs = tuple(max(1, round(share * wanted)) for _, share, _ in HOMONYMS)
    firsts = int(np.clip(vocab_size // 300, 4, 40))
    lasts = int(np.clip(vocab_size // 50, 16, 1000))
    content = vocab_size - len(FUNCTION_WORDS) - len(ENTITY_TYPES) * firsts - lasts
    verbs = int(SHARE_OF_FORMS["verb"] * content) // 5
    adjectives = int(SHARE_OF_FORMS["adj"] * content) // 4
    merged = sum(n * forms for n, (_, _, forms) in zip(pairs, HOMONYMS, strict=True))
    nouns, rest = divmod(content - 5 * verbs - 4 * adjectives + merged, 2)
    return Sizes({"noun": nouns, "verb": verbs, "adj": adjectives}, pairs, firsts, lasts + rest)


def make_lemmas(size: Sizes, topics: int, generator: np.random.Generator) -> Lemmas:
    """Lemmas by falling frequency within each class, dealt out to the topics in blocks of one rank each."""
    columns: list[tuple[np.ndarray, ...]] = []
    for kind, name in enumerate(CLASSES):
        n = size.lemmas[name]
        groups = max(1, round(topics * GENERAL / (1 - GENERAL)))  # so many times "general" in each block
        block = np.concatenate([np.arange(topics), np.full(groups, topics)])
        deals = generator.permuted(np.tile(block, (n // len(block) + 1, 1)), axis=1)
        topic = deals.reshape(-1)[:n]
        weight = 1.0 / (np.arange(n) + 2.0)
        columns.append((np.full(n, kind), topic, weight))
    kinds, topic, weight = (np.concatenate(column) for column in zip(*columns, strict=True))
    lemmas = Lemmas(kinds, topic, weight, np.zeros(len(kinds), np.int64))
    for members in groups_of(lemmas, topics):
        lemmas.rank[members] = np.arange(len(members))
    _pair_homonyms(lemmas, size, topics, generator)
    _pair_synonyms(lemmas, topics, generator)
    return lemmas


def groups_of(lemmas: Lemmas, topics: int) -> list[np.ndarray]:
    """Lemma ids by (class, topic), each by falling weight."""
    return [
        np.flatnonzero((lemmas.kind == kind) & (lemmas.topic == topic))
        for kind in range(len(CLASSES))
        for topic in range(topics + 1)
    ]


def _pair_homonyms(lemmas: Lemmas, size: Sizes, topics: int, generator: np.random.Generator) -> None:
    """Give pairs of lemmas of similar rank one stem; four pairs in five are of partner topics."""
    lemmas.twin = np.full(len(lemmas), -1)
    for n, (kinds, _, _) in zip(size.pairs, HOMONYMS, strict=True):
        first, second = (CLASSES.index(kind) for kind in kinds)
        free = np.flatnonzero((lemmas.kind == first) & (lemmas.twin < 0) & (lemmas.topic < topics))
        for a in generator.permutation(free):
            if n == 0:
                break
            if lemmas.twin[a] >= 0:
                continue
            other = int(partner(lemmas.topic[a]))
            others = np.flatnonzero(
                (lemmas.kind == second)
                & (lemmas.twin < 0)
                & (lemmas.topic < topics)
                & (lemmas.topic != lemmas.topic[a])
            )
            near = others[lemmas.topic[others] == other]
            others = near if len(near) and generator.random() < 0.8 else others
            if not len(others):
                continue
            # similar frequency, so that neither sense drowns the other
            share = (
                lemmas.weight[others]
                * _class_scale(lemmas, second)
                / (lemmas.weight[a] * _class_scale(lemmas, first))
            )
            b = others[np.argmin(np.abs(np.log(share)))]
            lemmas.twin[a], lemmas.twin[b] = b, a
            n -= 1
        if n:
            raise ValueError(f"vocab_size is too small for {n} more homonyms of {kinds}")


def _class_scale(lemmas: Lemmas, kind: int) -> float:
    """What brings the weights of one class to a common scale: classes have about equal shares of the text."""
    return float({0: 2.0, 1: 1.0, 2: 0.6}[kind])


def _pair_synonyms(lemmas: Lemmas, topics: int, generator: np.random.Generator) -> None:
    """Join neighbours in the frequency order of one class and topic into synsets of two."""
    lemmas.synset = np.arange(len(lemmas))
    for members in groups_of(lemmas, topics):
        free = members[lemmas.twin[members] < 0]
        free = free[: len(free) // 2 * 2].reshape(-1, 2)
        if len(members) < 8:
            free = free[:1]
        for a, b in free[generator.random(len(free)) < SYNONYMS + 0.1 * (len(members) < 8)]:
            lemmas.synset[b] = a
    _, lemmas.synset = np.unique(lemmas.synset, return_inverse=True)


def spell(lemmas: Lemmas, generator: np.random.Generator) -> list[str]:
    """A stem for each lemma; homonyms share theirs, frequent lemmas have the short ones."""
    owner = np.where(
        lemmas.twin >= 0, np.minimum(np.arange(len(lemmas)), lemmas.twin), np.arange(len(lemmas))
    )
    owners = np.unique(owner)
    order = owners[np.argsort(-lemmas.weight[owners], kind="stable")]
    spelled = dict(zip(order.tolist(), stems(len(order), generator), strict=True))
    return [spelled[o] for o in owner.tolist()]


def inflect(stem: str, kind: str, inflection: str) -> str:
    """Spell one inflection: inflect("tavel", "noun", "plural") is "tavels"."""
    prefix, suffix, _ = INFLECTIONS[kind][inflection]
    return prefix + stem + suffix
