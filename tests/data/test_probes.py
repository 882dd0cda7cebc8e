"""The probes: true answers, exact numbers, seeds, and their calibration."""

import numpy as np
import pytest

from course_lib.data import probes
from course_lib.data.calibration import PROBES, Setting
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.lexicon import ENTITY_TYPES, INFLECTION_NAMES

NAMES = [name for name in probes.__all__ if name not in ("GAP", "true_similarity")]


@pytest.fixture(scope="module")
def lang() -> Language:
    return Language(LanguageConfig(vocab_size=2000))


@pytest.fixture(scope="module")
def setting(lang: Language) -> Setting:
    return Setting(lang, lang.sample(200_000, seed=11), 500, 0)


@pytest.mark.parametrize("name", list(PROBES))
def test_chance_is_below_counting_and_counting_below_the_oracle_by_ten_points(
    name: str, setting: Setting
) -> None:
    result = PROBES[name](setting)
    assert result.counting >= result.chance + 0.10, result
    assert result.oracle >= result.counting + 0.10, result


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [500, 2000])
def test_a_probe_has_as_many_questions_as_asked_for_and_repeats_by_seed(name: str, size: int) -> None:
    lang, probe = Language(LanguageConfig(vocab_size=size)), getattr(probes, name)
    questions = probe(lang, 250, 1)
    assert len(questions) == 250
    assert questions == probe(lang, 250, 1)
    assert questions != probe(lang, 250, 2)
    for bad in (0, -3, 2.5, True):
        with pytest.raises(ValueError, match="n must be"):
            probe(lang, bad, 0)


def test_similarity_has_all_degrees_and_unambiguous_words_only(lang: Language) -> None:
    pairs = probes.similarity(lang, 300)
    scores = [score for *_, score in pairs]
    assert min(scores) == 0.0
    assert max(scores) == 1.0
    assert len(set(scores)) >= 5
    words = {word for a, b, _ in pairs for word in (a, b)}
    assert not words & set(lang.ambiguous_forms)
    assert all(a != b for a, b, _ in pairs)


def test_analogies_change_one_inflection_of_two_stems(lang: Language) -> None:
    s = lang.senses
    for question in probes.analogies(lang, 200):
        a, b, c, d = (lang.senses_of(word)[0] for word in question)
        assert s.lemma[a] == s.lemma[b] != s.lemma[c] == s.lemma[d]
        assert s.inflection[a] == s.inflection[c] != s.inflection[b] == s.inflection[d]


def test_only_the_right_candidate_is_a_synonym(lang: Language) -> None:
    s = lang.senses
    places = []
    for query, candidates, right in probes.synonyms(lang, 200):
        same = [s.synset[lang.senses_of(c)[0]] == s.synset[lang.senses_of(query)[0]] for c in candidates]
        assert [i for i, yes in enumerate(same) if yes] == [right]
        assert len(set(candidates)) == 5
        assert len({s.inflection[lang.senses_of(c)[0]] for c in candidates}) == 1
        places.append(right)
    assert set(places) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("same_pos", [None, True, False])
def test_sense_questions_show_the_word_and_balance_its_senses(lang: Language, same_pos: bool | None) -> None:
    questions = probes.senses(lang, 400, 0, same_pos)
    assert len(questions) == 400
    rank = []
    for tokens, position, sense, form in questions:
        assert tokens[position] == form
        ids = lang.senses_of(form)
        assert sense in ids
        if same_pos is not None:
            assert (len(set(lang.senses.pos[ids])) == 1) == same_pos
        rank.append(int(sense == ids[0]))
    assert 0.4 < np.mean(rank) < 0.6


def test_cloze_candidates_share_the_inflection(lang: Language) -> None:
    s = lang.senses
    for tokens, position, candidates, right in probes.cloze(lang, 200):
        assert tokens[position] == probes.GAP
        assert tokens.count(probes.GAP) == 1
        assert len(set(candidates)) == 5
        inflections = [set(s.inflection[lang.senses_of(c)].tolist()) for c in candidates]
        assert set.intersection(*inflections)
        assert 0 <= right < 5


def test_agreement_offers_the_singular_and_the_plural_of_one_verb(lang: Language) -> None:
    for tokens, position, forms, right in probes.agreement(lang, 200):
        assert len(tokens) == position
        assert forms[0] == forms[1] + "eth"
        assert right in (0, 1)
        senses = [lang.senses_of(form)[-1] for form in forms]
        assert INFLECTION_NAMES[lang.senses.inflection[senses[0]]] == "present"


def test_a_third_of_names_and_types_is_asked_of_each_type(lang: Language) -> None:
    types = [kind for *_, kind in probes.entity_types(lang, 300)]
    for kind in ENTITY_TYPES:
        assert 80 <= types.count(kind) <= 120
    for tokens, start, end, _ in probes.entity_types(lang, 20):
        assert end == start + 1
        assert tokens[start][0].isupper()


def test_sentence_pairs_have_both_labels_equally_often(lang: Language) -> None:
    for probe in (probes.next_sentence, probes.sentence_order):
        assert np.mean([label for *_, label in probe(lang, 400)]) == pytest.approx(0.5)
