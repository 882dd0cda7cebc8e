"""Which sense of an ambiguous word is meant in a sentence?"""

import numpy as np

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language
from course_lib.data.word_probes import check_count

SenseQuestion = tuple[list[str], int, int, str]
PROBE_TOKENS = 150_000
MODIFIERS = ("M", "J", "K")  # roles that may stand before a noun


def shares_pos(lang: Language) -> dict[int, bool]:
    """For each ambiguous form id: whether its senses have one part of speech."""
    s = lang.senses
    out = {}
    for form in (lang.index[word] for word in lang.ambiguous_forms):
        out[form] = len(np.unique(s.pos[s.form == form])) == 1
    return out


def candidates(lang: Language, corpus: Corpus, same_pos: bool | None) -> np.ndarray:
    """Places of the tokens (n,) that have several senses of the wanted kind."""
    wanted = np.zeros(len(lang.forms), bool)
    for form, shared in shares_pos(lang).items():
        wanted[form] = same_pos is None or shared == same_pos
    return np.flatnonzero(wanted[corpus.ids])


def senses(lang: Language, n: int, seed: int = 0, same_pos: bool | None = None) -> list[SenseQuestion]:
    """n sentences with an ambiguous word: (tokens, position, sense id, form), each sense of a form equally
    often.

    Half of the sentences, where the text has them, hold an aside about the topic of the word's other sense.
    With `same_pos=False` five in six words stand before a noun, where an adjective and a modifying noun look
    alike.

    Args:
        lang: the language. n: number of questions, at least 1. seed: of the text and the choice.
        same_pos: True for words whose senses share a part of speech, False for those whose senses do not,
        None for all.
    """
    return [question for question, _, _ in located_senses(lang, n, seed, same_pos)[0]]


def located_senses(
    lang: Language, n: int, seed: int, same_pos: bool | None
) -> tuple[list[tuple[SenseQuestion, int, int]], Corpus]:
    """The questions with the token and the sentence each was taken from, and the corpus: for the oracle."""
    check_count(n)
    generator = np.random.default_rng([33, seed])
    corpus = lang.sample(max(PROBE_TOKENS, (600 if same_pos is not False else 2000) * n), seed=7919 + seed)
    tokens = candidates(lang, corpus, same_pos)
    sentence = np.searchsorted(corpus.sentences, tokens, side="right") - 1
    hard = _misleading(lang, corpus, tokens, sentence)
    parts = [(tokens[hard], n // 2), (tokens, n)]
    if same_pos is False:  # before a noun, an adjective and a noun look alike
        modifier = np.isin(corpus.roles[tokens], [ROLE_NAMES.index(role) for role in MODIFIERS])
        parts = [(tokens[hard & modifier], n // 2), (tokens[modifier], n // 3), (tokens, n)]
    chosen = np.concatenate([_balanced(lang, corpus, pool, count, generator) for pool, count in parts])[:n]
    chosen = generator.permutation(chosen)
    out = []
    for token in chosen.tolist():
        row = int(np.searchsorted(corpus.sentences, token, side="right") - 1)
        place = token - int(corpus.sentences[row])
        question = (corpus.sentence(row), place, int(corpus.senses[token]), lang.forms[corpus.ids[token]])
        out.append((question, token, row))
    return out, corpus


def _misleading(lang: Language, corpus: Corpus, tokens: np.ndarray, sentence: np.ndarray) -> np.ndarray:
    """Which tokens' sentences speak, outside the token's clause, about the topic of another of its senses."""
    main = corpus.topics[corpus.sentence_documents[sentence]]
    elsewhere = np.where(corpus.clauses[tokens] == 0, corpus.asides[sentence], main)
    topics_of = np.zeros((len(lang.forms), lang.topics + 1), bool)
    topics_of[lang.senses.form, lang.senses.topic] = True
    own = lang.senses.topic[corpus.senses[tokens]]
    return (corpus.asides[sentence] >= 0) & topics_of[corpus.ids[tokens], elsewhere] & (elsewhere != own)


def _balanced(
    lang: Language, corpus: Corpus, tokens: np.ndarray, n: int, generator: np.random.Generator
) -> np.ndarray:
    """n tokens: a form, then one of its senses, then one of its tokens, each with equal chances."""
    sense = corpus.senses[tokens]
    order = np.argsort(sense, kind="stable")
    ids, first, count = np.unique(sense[order], return_index=True, return_counts=True)
    form = lang.senses.form[ids]
    _, which, senses_seen = np.unique(form, return_inverse=True, return_counts=True)
    good = np.flatnonzero(senses_seen[which] > 1)  # forms of which both senses occur
    if not len(good):
        return np.zeros(0, np.int64)
    weights = 1.0 / senses_seen[which[good]]
    pick = good[generator.choice(len(good), size=4 * n, p=weights / weights.sum())]
    drawn = tokens[order[first[pick] + generator.integers(count[pick])]]
    _, once = np.unique(drawn, return_index=True)  # each token once, as long as there are enough
    again = np.setdiff1d(np.arange(len(drawn)), once)
    return drawn[np.concatenate([np.sort(once), again])[:n]]
