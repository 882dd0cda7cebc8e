"""The second language: one word for each meaning, its own order and agreement."""

from collections import Counter

import numpy as np
import pytest

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.parallel import AGREEMENT, ParallelLanguage


@pytest.fixture(scope="module")
def other() -> ParallelLanguage:
    return ParallelLanguage(Language(LanguageConfig.tiny()))


def test_pairs_are_as_many_as_asked_for_and_of_equal_length(other: ParallelLanguage) -> None:
    pairs = other.pairs(500, seed=1)
    assert len(pairs) == 500
    assert pairs == other.pairs(500, seed=1) != other.pairs(500, seed=2)
    for source, target in pairs:
        assert len(source) == len(target)
        assert all(target)
        assert target[-1] == source[-1] == "."
    assert not {w for s, _ in pairs for w in s if len(w) > 3} & {
        w for _, t in pairs for w in t if w.islower()
    }


def test_names_and_punctuation_stay_and_the_main_verb_comes_last(other: ParallelLanguage) -> None:
    corpus = other.lang.sample(20_000, seed=5)
    spelled = other._spell(corpus)
    moved = 0
    for row, target in enumerate(other.translate(corpus)):
        tokens = np.arange(corpus.sentences[row], corpus.sentences[row + 1])
        assert Counter(target) == Counter(spelled[tokens].tolist())
        verbs = tokens[corpus.roles[tokens] == ROLE_NAMES.index("V")]
        if len(verbs):
            assert target[-2] == spelled[verbs[0]]
            moved += 1
    assert moved > 500


def test_articles_and_adjectives_agree_with_their_noun(other: ParallelLanguage) -> None:
    source = {
        tuple(s): t
        for s, t in other.pairs(4000, seed=3)
        if len(s) >= 3 and s[0] in ("the", "many") and s[-1] == "."
    }
    endings = {str(e) for e in AGREEMENT.reshape(-1)}
    checked = 0
    for words, target in source.items():
        if words[2].endswith(("eth", "ed")) and words[1][0].islower():  # article, noun, verb
            assert target[0][-1] in endings
            assert target[1][-1] == target[0][-1]
            checked += 1
    assert checked > 100


def test_senses_of_one_spelling_have_different_translations_and_synonyms_one(other: ParallelLanguage) -> None:
    lang = other.lang
    for word in lang.ambiguous_forms:
        synsets = lang.senses.synset[lang.senses_of(word)]
        assert len({other.stems[s] for s in synsets}) == len(synsets)
    assert len(set(other.stems)) == len(other.stems)


def test_bad_numbers_are_refused(other: ParallelLanguage) -> None:
    with pytest.raises(ValueError, match="n must be"):
        other.pairs(0)
