"""Questions about single words, whose answers the lexicon knows: similarity, synonyms, analogies."""

import numpy as np

from course_lib.data.grammar import Language
from course_lib.data.lexicon import CLASSES, INFLECTION_NAMES, INFLECTIONS

CANDIDATES = 5
# similarity of two senses, by what they share
SAME_SYNSET, SAME_LEMMA, SAME_TOPIC_CLASS, SAME_TOPIC, SAME_CLASS = 1.0, 0.8, 0.6, 0.4, 0.15


def check_count(n: int) -> None:
    """Raise a ValueError unless n is a positive whole number."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError(f"n must be an integer of at least 1, got {n!r}")


def plain_senses(lang: Language, share: float = 0.75) -> np.ndarray:
    """Senses of the inflected words with one sense only, among the most frequent `share` of all forms."""
    senses = lang.senses
    several = np.bincount(senses.form, minlength=len(lang.forms)) > 1
    return np.flatnonzero(
        (senses.lemma >= 0) & ~several[senses.form] & (senses.form < share * len(lang.forms))
    )


def true_similarity(lang: Language, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Similarity in [0, 1] of senses a and b (n,) -> (n,): synonyms 1, words that share nothing 0."""
    s, general = lang.senses, lang.topics
    topic = (s.topic[a] == s.topic[b]) & (s.topic[a] != general)
    kind = lang.lemmas.kind[s.lemma[a]] == lang.lemmas.kind[s.lemma[b]]
    score = np.where(
        topic & kind, SAME_TOPIC_CLASS, np.where(topic, SAME_TOPIC, np.where(kind, SAME_CLASS, 0.0))
    )
    score = np.where(s.synset[a] == s.synset[b], SAME_LEMMA, score)
    return np.where((s.synset[a] == s.synset[b]) & (s.inflection[a] == s.inflection[b]), SAME_SYNSET, score)


def similarity(lang: Language, n: int, seed: int = 0) -> list[tuple[str, str, float]]:
    """n pairs of words with their true similarity, all degrees of it about equally often.

    Args:
        lang: the language. n: number of pairs, at least 1. seed: of the choice.
    """
    check_count(n)
    generator = np.random.default_rng([30, seed])
    pool = plain_senses(lang)
    a, b = generator.choice(pool, size=(2, 60 * n + 2000))
    keep = lang.senses.form[a] != lang.senses.form[b]
    near = _relatives(lang, pool, generator, n)
    a, b = np.concatenate([a[keep], near[0]]), np.concatenate([b[keep], near[1]])
    score = true_similarity(lang, a, b)
    levels = np.unique(score)
    picks = [
        generator.permutation(np.flatnonzero(score == level))[: -(-n // len(levels))] for level in levels
    ]
    rows = generator.permutation(np.concatenate(picks))
    if len(rows) < n:
        rest = np.setdiff1d(np.arange(len(score)), rows)
        rows = np.concatenate([rows, generator.permutation(rest)[: n - len(rows)]])
    forms = lang.senses.form
    return [(lang.forms[forms[a[i]]], lang.forms[forms[b[i]]], float(score[i])) for i in rows[:n]]


def _relatives(
    lang: Language, pool: np.ndarray, generator: np.random.Generator, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of senses of one synset, which random pairs would hardly ever hit."""
    order = pool[np.argsort(lang.senses.synset[pool], kind="stable")]
    a, b = [], []
    for gap in range(1, 8):
        same = lang.senses.synset[order[:-gap]] == lang.senses.synset[order[gap:]]
        a.append(order[:-gap][same])
        b.append(order[gap:][same])
    first, second = np.concatenate(a), np.concatenate(b)
    rows = generator.permutation(len(first))
    return first[rows], second[rows]


def analogies(lang: Language, n: int, seed: int = 0) -> list[tuple[str, str, str, str]]:
    """n questions "a is to b as c is to d": one inflection made of two stems, in both directions.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the choice.
    """
    check_count(n)
    generator = np.random.default_rng([31, seed])
    plain = np.zeros(len(lang.senses), bool)
    plain[plain_senses(lang, 0.8)] = True
    relations = []
    for kind, table in INFLECTIONS.items():
        names = list(table)
        for name in names[1:]:
            if name == "agents":
                continue
            base, made = _inflected(lang, kind, names[0]), _inflected(lang, kind, name)
            good = plain[base] & plain[made]
            if good.sum() >= 2:
                relations.append((base[good], made[good]))
    out = []
    for _ in range(n):
        pair = relations[generator.integers(len(relations))]
        i, j = generator.choice(len(pair[0]), size=2, replace=False)
        turn = int(generator.integers(2))
        ids = pair[turn][i], pair[1 - turn][i], pair[turn][j], pair[1 - turn][j]
        out.append(tuple(lang.forms[lang.senses.form[s]] for s in ids))
    return out


def _inflected(lang: Language, kind: str, inflection: str) -> np.ndarray:
    """The senses of one inflection, in the order of their lemmas, for all lemmas of a class."""
    wanted = INFLECTION_NAMES.index(inflection)
    rows = np.flatnonzero((lang.senses.inflection == wanted) & (lang.senses.lemma >= 0))
    rows = rows[lang.lemmas.kind[lang.senses.lemma[rows]] == CLASSES.index(kind)]
    return rows[np.argsort(lang.senses.lemma[rows], kind="stable")]


def synonyms(lang: Language, n: int, seed: int = 0) -> list[tuple[str, list[str], int]]:
    """n questions "which of five means the same?", with the place of the right one.

    The wrong ones are of the same inflection and similar frequency: two of the query's topic, two of others.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the choice.
    """
    check_count(n)
    generator = np.random.default_rng([32, seed])
    s, pool = lang.senses, plain_senses(lang)
    first, second = _relatives(lang, pool, generator, n)
    same = s.inflection[first] == s.inflection[second]
    pairs = np.stack([first[same], second[same]], axis=1)
    out = []
    for row in generator.integers(len(pairs), size=n):
        query, answer = generator.permutation(pairs[row])
        like = pool[(s.inflection[pool] == s.inflection[query]) & (s.synset[pool] != s.synset[query])]
        like = like[
            np.argsort(np.abs(np.log(s.form[like] + 1.0) - np.log(s.form[answer] + 1.0)), kind="stable")
        ]
        own = like[s.topic[like] == s.topic[query]][:8]
        others = like[s.topic[like] != s.topic[query]][:12]
        wrong = [*generator.permutation(own)[:2], *generator.permutation(others)][: CANDIDATES - 1]
        place = int(generator.integers(CANDIDATES))
        candidates = [lang.forms[s.form[w]] for w in wrong]
        candidates.insert(place, lang.forms[s.form[answer]])
        out.append((lang.forms[s.form[query]], candidates, place))
    return out
