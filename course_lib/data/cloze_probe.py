"""Which word fits the gap? Five candidates of one inflection and similar frequency."""

import numpy as np

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.word_probes import CANDIDATES, check_count

GAP = "___"
ClozeQuestion = tuple[list[str], int, list[str], int]
# role of the gap -> (role of the word beside which it is a favourite, classes of the two)
GAPS = {
    "O": ("V", ("verb", "noun")),
    "J": ("S", ("noun", "adj")),
    "K": ("O", ("noun", "adj")),
    "D": ("V", ("verb", "adj")),
    "Y": ("Z", ("verb", "noun")),
    "Z": ("X", ("noun", "verb")),
}


def cloze(lang: Language, n: int, seed: int = 0) -> list[ClozeQuestion]:
    """n sentences with a gap: (tokens with "___" in the gap, position, five candidates, index of the right
    one).

    The right word is a favourite companion of another word of the sentence. The wrong ones have its
    inflection and similar frequency: two are of the same topic, two of the sentence's other topic where it
    has one.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the text and the choice.
    """
    return [question for question, _, _, _ in located_cloze(lang, n, seed)[0]]


def located_cloze(
    lang: Language, n: int, seed: int
) -> tuple[list[tuple[ClozeQuestion, int, int, np.ndarray]], Corpus]:
    """The questions with token, head token and candidates' senses, and the corpus: for the oracle."""
    check_count(n)
    generator = np.random.default_rng([34, seed])
    corpus = lang.sample(max(60_000, 120 * n), seed=15_485_863 + seed)
    tokens, heads = _gaps(lang, corpus)
    aside = corpus.asides[np.searchsorted(corpus.sentences, tokens, side="right") - 1] >= 0
    order = generator.permutation(len(tokens))
    with_aside, without = order[aside[order]], order[~aside[order]]
    chosen = generator.permutation(np.concatenate([with_aside[: n // 2], without])[:n])
    out = []
    for token, head in zip(tokens[chosen].tolist(), heads[chosen].tolist(), strict=True):
        out.append(_question(lang, corpus, token, head, generator))
    return out, corpus


def _gaps(lang: Language, corpus: Corpus) -> tuple[np.ndarray, np.ndarray]:
    """Tokens that are favourites of a head in their sentence, and those heads."""
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    several = np.bincount(lang.senses.form, minlength=len(lang.forms)) > 1
    synset = lang.senses.synset[corpus.senses]
    tokens, heads = [], []
    for gap, (beside, relation) in GAPS.items():
        where = np.flatnonzero((corpus.roles == ROLE_NAMES.index(gap)) & ~several[corpus.ids])
        head = np.full(len(corpus.asides), -1)
        is_head = np.flatnonzero(corpus.roles == ROLE_NAMES.index(beside))
        head[sentence[is_head]] = is_head
        head_of = head[sentence[where]]
        where, head_of = where[head_of >= 0], head_of[head_of >= 0]
        liked = lang.company.favourites[relation][synset[head_of]]
        good = (liked == synset[where][:, None]).any(axis=1)
        tokens.append(where[good])
        heads.append(head_of[good])
    return np.concatenate(tokens), np.concatenate(heads)


def _question(
    lang: Language, corpus: Corpus, token: int, head: int, generator: np.random.Generator
) -> tuple[ClozeQuestion, int, int, np.ndarray]:
    s = lang.senses
    row = int(np.searchsorted(corpus.sentences, token, side="right") - 1)
    answer, main = int(corpus.senses[token]), int(corpus.topics[corpus.sentence_documents[row]])
    other = int(corpus.asides[row]) if corpus.clauses[token] == 0 else main
    relation = GAPS[ROLE_NAMES[corpus.roles[token]]][1]
    liked = lang.company.favourites[relation][s.synset[corpus.senses[head]]]
    several = np.bincount(s.form, minlength=len(lang.forms)) > 1
    like = np.flatnonzero((s.inflection == s.inflection[answer]) & (s.lemma >= 0) & ~several[s.form])
    like = like[(s.synset[like] != s.synset[answer]) & ~np.isin(s.synset[like], liked)]
    like = like[np.argsort(np.abs(np.log(s.form[like] + 1.0) - np.log(s.form[answer] + 1.0)), kind="stable")]
    own = like[s.topic[like] == s.topic[answer]][:6]
    others = like[s.topic[like] == other][:6] if other >= 0 else np.zeros(0, np.int64)
    rest = like[s.topic[like] != s.topic[answer]][:12]
    wrong: list[int] = []
    for pool, most in ((own, 2), (others, 2), (rest, 4)):
        wrong += [int(w) for w in generator.permutation(pool)[:most] if int(w) not in wrong]
    wrong = wrong[: CANDIDATES - 1]
    place = int(generator.integers(CANDIDATES))
    options = np.array([*wrong[:place], answer, *wrong[place:]])
    words = corpus.sentence(row)
    position = token - int(corpus.sentences[row])
    words[position] = GAP
    question = (words, position, [lang.forms[f] for f in s.form[options]], place)
    return question, token, head, options
