"""The lexicon: exact vocabulary sizes, Zipf's law, affixes, senses, synonyms."""

import numpy as np
import pytest

from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.lexicon import CLASSES, INFLECTION_NAMES, INFLECTIONS, inflect, partner
from course_lib.data.spelling import RESERVED_ENDINGS, stems

SIZES = (500, 501, 777, 2000, 9999)


@pytest.mark.parametrize("size", SIZES)
def test_the_vocabulary_has_exactly_the_size_asked_for(size: int) -> None:
    lang = Language(LanguageConfig(vocab_size=size))
    assert len(lang.forms) == len(set(lang.forms)) == size
    assert set(lang.senses.form) == set(range(size))


@pytest.mark.parametrize("size", [500, 2000, 20_000])
def test_frequencies_fall_as_zipf_says(size: int) -> None:
    lang = Language(LanguageConfig(vocab_size=size))
    share = lang.frequencies
    assert share.sum() == pytest.approx(1.0)
    assert (np.diff(share) <= 0).all()
    assert share[-1] > 0
    ranks = np.unique(np.geomspace(10, 0.8 * size, 60).astype(int))
    x, y = np.log(ranks), np.log(share[ranks - 1])
    assert np.polyfit(x, y, 1)[0] == pytest.approx(-1.0, abs=0.12)
    assert np.corrcoef(x, y)[0, 1] ** 2 > 0.96


def test_expected_frequencies_are_those_of_the_text() -> None:
    """Counts of two texts must scatter around the expectation independently: a bias would show in both."""
    lang = Language(LanguageConfig.tiny())
    often = lang.sense_frequencies > 4e-4
    ratios = []
    for seed in (1, 2):
        counts = np.bincount(lang.sample(1_000_000, seed=seed).senses, minlength=len(lang.senses))
        ratios.append(counts[often] / counts.sum() / lang.sense_frequencies[often])
    assert abs(np.mean(ratios) - 1) < 0.01
    assert np.abs(np.array(ratios) - 1).max() < 0.2
    assert abs(np.corrcoef(ratios)[0, 1]) < 0.2


def test_there_are_two_hundred_ambiguous_forms_of_both_kinds_in_a_vocabulary_of_2000() -> None:
    lang = Language(LanguageConfig(vocab_size=2000))
    assert len(lang.ambiguous_forms) >= 200
    same = 0
    for word in lang.ambiguous_forms:
        ids = lang.senses_of(word)
        assert len(ids) >= 2
        assert len(set(lang.senses.topic[ids])) == len(ids)  # told apart by topic
        same += len(set(lang.senses.pos[ids])) == 1
    assert 80 <= same <= len(lang.ambiguous_forms) - 50
    # no sense drowns the other
    shares = [lang.sense_frequencies[lang.senses_of(word)] for word in lang.ambiguous_forms]
    assert np.median([share[0] / share.sum() for share in shares]) < 0.75


def test_large_vocabularies_set_up_in_time_and_have_their_ambiguous_forms() -> None:
    lang = Language(LanguageConfig(vocab_size=30_000))
    assert len(lang.ambiguous_forms) >= 200
    assert len(lang.forms) == 30_000


def test_every_lemma_has_all_its_inflections_spelled_by_affix() -> None:
    lang = Language(LanguageConfig.tiny())
    s = lang.senses
    for kind, name in enumerate(CLASSES):
        for lemma in np.flatnonzero(lang.lemmas.kind == kind)[:20]:
            rows = np.flatnonzero(s.lemma == lemma)
            spelled = {INFLECTION_NAMES[s.inflection[r]]: lang.forms[s.form[r]] for r in rows}
            assert set(spelled) == set(INFLECTIONS[name])
            base = spelled[next(iter(INFLECTIONS[name]))]
            for inflection, form in spelled.items():
                assert form == inflect(base, name, inflection)


def test_synonyms_share_class_topic_and_favourite_company() -> None:
    lang = Language(LanguageConfig(vocab_size=2000))
    lemmas = lang.lemmas
    sizes = np.bincount(lemmas.synset)
    assert sizes.max() == 2
    assert 0.1 < np.mean(sizes == 2) < 0.5
    for synset in np.flatnonzero(sizes == 2):
        a, b = np.flatnonzero(lemmas.synset == synset)
        assert lemmas.kind[a] == lemmas.kind[b]
        assert lemmas.topic[a] == lemmas.topic[b]
        assert lemmas.twin[a] == lemmas.twin[b] == -1


def test_stems_are_distinct_and_never_end_like_an_inflection() -> None:
    made = stems(20_000, np.random.default_rng(0))
    assert len(set(made)) == 20_000
    assert not any(stem.endswith(RESERVED_ENDINGS) for stem in made)
    assert np.mean([len(s) for s in made[:100]]) < np.mean([len(s) for s in made[-100:]])
    assert stems(0, np.random.default_rng(0)) == []


def test_partner_topics_are_mutual() -> None:
    topics = np.arange(8)
    np.testing.assert_array_equal(partner(partner(topics)), topics)
    assert (partner(topics) != topics).all()
