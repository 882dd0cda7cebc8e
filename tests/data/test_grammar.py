"""The generated language: sizes, seeds, truth of every token, bad input."""

import os
import subprocess
import sys

import numpy as np
import pytest

from course_lib.data.constituents import ROLE_NAMES
from course_lib.data.corpus import Corpus
from course_lib.data.grammar import Language, LanguageConfig
from course_lib.data.lexicon import INFLECTION_NAMES

FIELDS = (
    "ids",
    "senses",
    "pos",
    "clauses",
    "roles",
    "sentences",
    "documents",
    "topics",
    "asides",
    "entities",
)


@pytest.fixture(scope="module")
def lang() -> Language:
    return Language(LanguageConfig.tiny())


@pytest.fixture(scope="module")
def corpus(lang: Language) -> Corpus:
    return lang.sample(100_000, seed=3)


def test_the_same_seeds_give_the_same_text_and_other_seeds_another(lang: Language, corpus: Corpus) -> None:
    again = Language(LanguageConfig.tiny()).sample(100_000, seed=3)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(again, name), getattr(corpus, name))
    assert lang.sample(5000, seed=4).text() != lang.sample(5000, seed=3).text()
    assert Language(LanguageConfig(500, seed=1)).forms != lang.forms


def test_a_short_sample_is_the_beginning_of_a_long_one(lang: Language, corpus: Corpus) -> None:
    short = lang.sample(7000, seed=3)
    assert 7000 <= len(short) < 7000 + 400  # whole documents
    assert short.text() == corpus.head(len(short.topics)).text()
    np.testing.assert_array_equal(short.entities, corpus.head(len(short.topics)).entities)


def test_a_stream_joins_to_the_sample_of_the_same_size(lang: Language) -> None:
    parts = list(lang.stream(1_200_000, seed=2))
    assert len(parts) == 2
    whole = lang.sample(1_200_000, seed=2)
    np.testing.assert_array_equal(np.concatenate([part.ids for part in parts]), whole.ids)
    entities = np.concatenate(
        [parts[0].entities, parts[1].entities + np.array([len(parts[0]), len(parts[0]), 0, 0])]
    )
    np.testing.assert_array_equal(entities, whole.entities)


def test_no_document_comes_twice(lang: Language) -> None:
    documents = lang.sample(150_000, seed=6).text().split("\n\n")
    assert len(documents) > 3 * 512  # several blocks
    assert len(set(documents)) == len(documents)


def test_offsets_cover_the_text_and_sentences_end_in_a_full_stop(lang: Language, corpus: Corpus) -> None:
    assert corpus.sentences[0] == 0
    assert corpus.sentences[-1] == len(corpus)
    assert corpus.documents[-1] == len(corpus.sentences) - 1 == len(corpus.asides)
    assert len(corpus.topics) == len(corpus.documents) - 1
    stop = lang.index["."]
    assert (corpus.ids[corpus.sentences[1:] - 1] == stop).all()
    assert (corpus.ids == stop).sum() == len(corpus.asides)


def test_each_token_has_the_form_and_tag_of_its_sense(lang: Language, corpus: Corpus) -> None:
    np.testing.assert_array_equal(lang.senses.form[corpus.senses], corpus.ids)
    np.testing.assert_array_equal(lang.senses.pos[corpus.senses], corpus.pos)
    assert corpus.tokens()[0] == [lang.forms[i] for i in corpus.ids[: corpus.sentences[1]]]
    assert corpus.text().split() == [lang.forms[i] for i in corpus.ids]


def test_topical_words_are_of_the_documents_topic_or_in_an_aside_of_the_asides_topic(
    lang: Language, corpus: Corpus
) -> None:
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    document = corpus.sentence_documents[sentence]
    topic = lang.senses.topic[corpus.senses]
    expected = np.where(corpus.clauses == 1, corpus.asides[sentence], corpus.topics[document])
    topical = topic < lang.topics
    assert topical.mean() > 0.25
    np.testing.assert_array_equal(topic[topical], expected[topical])
    assert (
        (corpus.asides >= 0) == np.isin(np.arange(len(corpus.asides)), sentence[corpus.clauses == 1])
    ).all()


def test_present_verbs_agree_with_their_subjects_over_any_distance(lang: Language, corpus: Corpus) -> None:
    inflection = np.asarray(INFLECTION_NAMES, dtype=object)[lang.senses.inflection[corpus.senses]]
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    together = sentence[corpus.ids == lang.index["and"]]
    checked = 0
    for verb, subject in (("V", "S"), ("Z", "X"), ("Q", "R")):
        nouns = np.full(len(corpus.asides), -1)
        at = np.flatnonzero(corpus.roles == ROLE_NAMES.index(subject))
        nouns[sentence[at]] = at
        verbs = np.flatnonzero(
            (corpus.roles == ROLE_NAMES.index(verb)) & np.isin(inflection, ["base", "present"])
        )
        verbs = verbs[(nouns[sentence[verbs]] >= 0) & ~np.isin(sentence[verbs], together)]
        plural = inflection[nouns[sentence[verbs]]] == "plural"
        np.testing.assert_array_equal(plural, inflection[verbs] == "base")
        checked += len(verbs)
    assert checked > 3000


def test_entity_spans_hold_the_entitys_name_and_a_first_mention_is_in_full(
    lang: Language, corpus: Corpus
) -> None:
    start, end, kind, entity = corpus.entities.T
    np.testing.assert_array_equal(corpus.ids[end - 1], lang.entities[entity, 1])
    full = end - start == 2
    np.testing.assert_array_equal(corpus.ids[start[full]], lang.entities[entity[full], 0])
    np.testing.assert_array_equal(kind, lang.entities[entity, 2])
    names = np.flatnonzero(corpus.pos == lang.pos_names.index("NAME"))
    assert len(names) == (end - start).sum()
    document = corpus.sentence_documents[np.searchsorted(corpus.sentences, start, side="right") - 1]
    assert (lang.entities[entity, 3] == corpus.topics[document]).all()
    _, first = np.unique(document * len(lang.entities) + entity, return_index=True)
    assert full[first].all()
    assert 0.1 < 1 - full.mean() < 0.5


def test_neither_part_of_a_name_tells_the_entity(lang: Language) -> None:
    first, last, kind, topic = lang.entities.T
    assert len(np.unique(lang.entities[:, :2], axis=0)) > 0.9 * len(lang.entities)
    for part in (first, last):
        counts = np.unique(part, return_counts=True)[1]
        assert counts.mean() > 2
    types_of_last = [len(np.unique(kind[last == name])) for name in np.unique(last)]
    assert np.mean(np.array(types_of_last) > 1) > 0.5
    assert set(topic) == set(range(lang.topics))


def test_documents_follow_a_script(lang: Language, corpus: Corpus) -> None:
    sentence = np.repeat(np.arange(len(corpus.asides)), np.diff(corpus.sentences))
    verb = np.full(len(corpus.asides), -1)
    at = np.flatnonzero(corpus.roles == ROLE_NAMES.index("V"))
    verb[sentence[at]] = lang.senses.synset[corpus.senses[at]]
    document = corpus.sentence_documents
    both = (document[:-1] == document[1:]) & (verb[:-1] >= 0) & (verb[1:] >= 0)
    forward = np.mean(lang.company.follows[verb[:-1][both]] == verb[1:][both])
    backward = np.mean(lang.company.follows[verb[1:][both]] == verb[:-1][both])
    assert forward > 0.65
    assert backward < 0.2


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("vocab_size", lambda: LanguageConfig(vocab_size=499)),
        ("vocab_size", lambda: LanguageConfig(vocab_size=100_001)),
        ("vocab_size", lambda: LanguageConfig(vocab_size=2000.0)),  # type: ignore[arg-type]
        ("seed", lambda: LanguageConfig(seed=-1)),
        ("topics", lambda: LanguageConfig(topics=3)),
        ("topics", lambda: LanguageConfig(vocab_size=500, topics=64)),
        ("tokens", lambda: Language(LanguageConfig.tiny()).sample(0)),
        ("tokens", lambda: Language(LanguageConfig.tiny()).sample(True)),
        ("tokens", lambda: Language(LanguageConfig.tiny()).stream(-5)),
        ("seed", lambda: Language(LanguageConfig.tiny()).sample(10, seed=-1)),
        ("form", lambda: Language(LanguageConfig.tiny()).senses_of("no such word")),
    ],
)
def test_bad_input_is_refused_by_name(name: str, make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=name):
        make()


def test_the_text_does_not_depend_on_the_order_in_which_python_hashes_strings() -> None:
    code = (
        "import hashlib\n"
        "from course_lib.data import probes\n"
        "from course_lib.data.grammar import Language, LanguageConfig\n"
        "lang = Language(LanguageConfig(vocab_size=1000))\n"
        "names = ('similarity', 'synonyms', 'senses', 'cloze')\n"
        "asked = [getattr(probes, name)(lang, 20, 0) for name in names]\n"
        "text = lang.sample(20_000, seed=1).ids.tobytes() + repr((lang.forms, asked)).encode()\n"
        "print(hashlib.sha256(text).hexdigest())\n"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            check=True,
            capture_output=True,
            timeout=120,
        ).stdout
        for seed in range(4)
    }
    assert len(hashes) == 1


def test_a_long_stream_stays_small_in_memory() -> None:
    """Eight million tokens pass through; memory must not grow with what has passed."""
    code = (
        "import psutil\n"
        "from course_lib.data.grammar import Language, LanguageConfig\n"
        "lang = Language(LanguageConfig.tiny())\n"
        "sizes = []\n"
        "for part in lang.stream(8_000_000, seed=1):\n"
        "    sizes.append(psutil.Process().memory_info().rss)\n"
        "assert len(sizes) >= 7\n"
        "assert sizes[-1] < 1.3 * sizes[1] and max(sizes) < 700e6, sizes\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
