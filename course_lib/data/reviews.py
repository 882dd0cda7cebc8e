"""Reviews of books and of television series, written in the words of a generated language.

A review praises or blames a few aspects and ends in a verdict, which alone decides the label; the aspects
agree with it only more often than not. "un-" turns a judgement around. The two domains have their own nouns
and adjectives beside shared ones, a few shared adjectives mean the opposite in the other domain, and the
shares of positive reviews differ: what domain adaptation has to cope with.
"""

from dataclasses import dataclass

import numpy as np

from course_lib.data.grammar import Language
from course_lib.data.lexicon import INFLECTION_NAMES
from course_lib.data.word_probes import check_count

DOMAINS = ("books", "television")
POSITIVE = {"books": 0.7, "television": 0.4}  # share of positive reviews
AGREES = 0.65  # an aspect is judged as the whole is
SHARED = 0.5  # an adjective is one that both domains use
NEGATED = 0.3  # a judgement is made with the opposite adjective and "un-"
TURNED = 0.2  # share of the shared adjectives whose polarity differs between the domains
ASPECTS = (2, 5)


@dataclass(frozen=True)
class Domain:
    """The words of one domain: spellings by lemma, and which adjectives praise.

    Attributes:
        nouns: (n, 2) singular and plural of the aspects; the first is the word for the work itself.
        adjectives: (m, 2) plain and negated form. praises: (m,) True where the plain form praises.
        shared: (m,) True for the adjectives that both domains use.
    """

    nouns: np.ndarray
    adjectives: np.ndarray
    praises: np.ndarray
    shared: np.ndarray


def domain_words(lang: Language, domain: str) -> Domain:
    """The words that reviews of a domain use: a topic's and some general ones.

    Args:
        lang: the language. domain: "books" or "television".
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain must be one of {DOMAINS}, got {domain!r}")
    which = DOMAINS.index(domain)
    own, shared = _lemmas(lang, "adj", 2 * which), _lemmas(lang, "adj", lang.topics)
    praises = np.random.default_rng([50, lang.config.seed]).permutation(np.arange(len(shared)) % 2 == 0)
    turned = np.random.default_rng([51, lang.config.seed]).random(len(shared)) < TURNED
    own_praises = np.random.default_rng([52, lang.config.seed, which]).permutation(
        np.arange(len(own)) % 2 == 0
    )
    return Domain(
        nouns=_forms(lang, _lemmas(lang, "noun", 2 * which), ("singular", "plural")),
        adjectives=_forms(lang, np.concatenate([shared, own]), ("plain", "not")),
        praises=np.concatenate([praises ^ (turned & bool(which)), own_praises]),
        shared=np.arange(len(shared) + len(own)) < len(shared),
    )


def _lemmas(lang: Language, kind: str, topic: int, most: int = 40) -> np.ndarray:
    """The most frequent lemmas of a class and topic."""
    return np.concatenate(
        [np.unique(lang.company.members[unit]) for unit in lang.company.groups[kind, topic]]
    )[:most]


def _forms(lang: Language, lemmas: np.ndarray, inflections: tuple[str, str]) -> np.ndarray:
    """(lemmas, 2) spellings."""
    table = np.full((len(INFLECTION_NAMES), len(lang.lemmas)), -1)
    content = lang.senses.lemma >= 0
    table[lang.senses.inflection[content], lang.senses.lemma[content]] = lang.senses.form[content]
    spelled = np.asarray(lang.forms, dtype=object)
    return np.stack([spelled[table[INFLECTION_NAMES.index(name)][lemmas]] for name in inflections], axis=1)


def reviews(lang: Language, domain: str, n: int, seed: int = 0) -> list[tuple[list[str], int]]:
    """n reviews (tokens, label): 1 positive, 0 negative.

    Args:
        lang: the language whose words are used. domain: "books" or "television".
        n: how many, at least 1. seed: of the choice.
    """
    words = domain_words(lang, domain)
    return write_reviews(words, POSITIVE[domain], n, np.random.default_rng([53, DOMAINS.index(domain), seed]))


def write_reviews(
    words: Domain, positive: float, n: int, generator: np.random.Generator
) -> list[tuple[list[str], int]]:
    """n reviews in the words of a domain.

    Args:
        words: of the domain. positive: share of reviews with label 1, from 0 to 1.
        n: how many, at least 1. generator: of the choice.
    """
    check_count(n)
    if not 0 <= positive <= 1:
        raise ValueError(f"positive must lie in 0..1, got {positive}")
    labels = (generator.random(n) < positive).astype(int)
    return [(_review(words, bool(label), generator), int(label)) for label in labels]


def _review(words: Domain, positive: bool, generator: np.random.Generator) -> list[str]:
    tokens: list[str] = []
    for _ in range(int(generator.integers(ASPECTS[0], ASPECTS[1] + 1))):
        noun = 1 + int(generator.integers(len(words.nouns) - 1))
        plural = int(generator.integers(2))
        judgement = positive if generator.random() < AGREES else not positive
        verb = ("is", "are")[plural]
        tokens += [
            "the",
            words.nouns[noun, plural],
            verb,
            "very",
            _adjective(words, judgement, generator),
            ".",
        ]
    tokens += ["so", "the", words.nouns[0, 0], "is", "quite", _adjective(words, positive, generator), "."]
    return tokens


def _adjective(words: Domain, praise: bool, generator: np.random.Generator) -> str:
    """A form that praises or blames in this domain."""
    negated = bool(generator.random() < NEGATED)
    fits = (words.praises == (praise != negated)) & (words.shared == (generator.random() < SHARED))
    return str(words.adjectives[int(generator.choice(np.flatnonzero(fits))), int(negated)])
