"""Vocabulary: ids, counts and what it does with words it does not know."""

import numpy as np
import pytest

from course_lib.text.vocab import Vocabulary

SENTENCES = [["the", "cat", "sat"], ["the", "cat"], ["the", "dog"], ["a" * 10_000, "nul\0byte"]]


def test_ids_follow_falling_count_and_ties_the_first_appearance():
    vocabulary = Vocabulary.from_sentences(SENTENCES)
    assert vocabulary.words == ["the", "cat", "sat", "dog", "a" * 10_000, "nul\0byte"]
    assert vocabulary.counts.tolist() == [3, 2, 1, 1, 1, 1]
    assert vocabulary.counts.dtype == np.int64


def test_min_count_and_max_size_drop_rare_words():
    assert Vocabulary.from_sentences(SENTENCES, min_count=2).words == ["the", "cat"]
    assert Vocabulary.from_sentences(SENTENCES, max_size=1).words == ["the"]


def test_a_stream_of_sentences_is_counted_once():
    assert len(Vocabulary.from_sentences(iter(SENTENCES))) == 6


def test_encode_leaves_unknown_words_out_or_gives_them_an_id():
    vocabulary = Vocabulary.from_sentences(SENTENCES)
    assert vocabulary.encode(["cat", "unicorn", "the"]).tolist() == [1, 0]
    assert vocabulary.encode(["cat", "unicorn"], unknown=99).tolist() == [1, 99]
    assert vocabulary.encode([]).dtype == np.int32


def test_encode_then_decode_gives_the_words_back():
    vocabulary = Vocabulary.from_sentences(SENTENCES)
    assert vocabulary.decode(vocabulary.encode(vocabulary.words)) == vocabulary.words


def test_sentences_become_ids_and_offsets():
    vocabulary = Vocabulary(["the", "cat"])
    ids, offsets = vocabulary.encode_sentences([["the", "unicorn", "cat"], ["unicorn"], ["cat"]])
    assert ids.tolist() == [0, 1, 1]
    assert offsets.tolist() == [0, 2, 2, 3]


def test_no_sentence_gives_an_empty_array_and_one_offset():
    ids, offsets = Vocabulary([]).encode_sentences([])
    assert ids.shape == (0,)
    assert offsets.tolist() == [0]


def test_remap_translates_another_numbering():
    assert Vocabulary(["the", "cat"]).remap(["dog", "cat", "the"]).tolist() == [-1, 1, 0]


@pytest.mark.parametrize(
    ("build", "name"),
    [
        (lambda: Vocabulary(["a", "a"]), "words"),
        (lambda: Vocabulary(["a"], [1, 2]), "counts"),
        (lambda: Vocabulary(["a"], [-1]), "counts"),
        (lambda: Vocabulary.from_sentences(["a string"]), "sentences"),
        (lambda: Vocabulary.from_sentences([], min_count=0), "min_count"),
        (lambda: Vocabulary.from_sentences([], max_size=0), "max_size"),
        (lambda: Vocabulary(["a"]).decode([1]), "ids"),
        (lambda: Vocabulary(["a"]).decode([-1]), "ids"),
    ],
)
def test_bad_input_is_refused_by_name(build, name):
    with pytest.raises(ValueError, match=name):
        build()
