"""Counts against a plain loop over the text."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.embeddings.cooccurrence import (
    context_counts,
    flatten,
    stream_window_counts,
    window_counts,
)

texts = st.lists(st.lists(st.integers(-1, 5), max_size=9), min_size=1, max_size=8).filter(
    lambda sentences: any(sentences)
)


def loop(sentences, size, window, weighted, symmetric):
    counts = np.zeros((size, size))
    for sentence in sentences:
        for i, word in enumerate(sentence):
            for j in range(i + 1, min(i + window + 1, len(sentence))):
                if word >= 0 and sentence[j] >= 0:
                    value = 1 / (j - i) if weighted else 1
                    counts[word, sentence[j]] += value
                    if symmetric:
                        counts[sentence[j], word] += value
    return counts


@settings(max_examples=60, deadline=None)
@given(texts, st.integers(1, 12), st.booleans(), st.booleans())
def test_window_counts_equal_a_double_loop(sentences, window, weighted, symmetric):
    ids, offsets = flatten(sentences)
    got = window_counts(ids, offsets, 6, window=window, distance_weighting=weighted, symmetric=symmetric)
    np.testing.assert_allclose(got.toarray(), loop(sentences, 6, window, weighted, symmetric), atol=1e-12)


def test_no_pair_crosses_a_sentence_boundary():
    ids, offsets = flatten([[0, 1], [2, 3]])
    counts = window_counts(ids, offsets, 4, window=10).toarray()
    assert counts[1, 2] == counts[0, 3] == 0
    assert counts[0, 1] == counts[2, 3] == 1


def test_an_uncounted_token_keeps_its_place():
    ids, offsets = flatten([[0, -1, 1]])
    assert window_counts(ids, offsets, 2, window=1).nnz == 0
    weighted = window_counts(ids, offsets, 2, window=2, distance_weighting=True)
    assert weighted[0, 1] == 0.5


def test_a_window_larger_than_the_text_counts_every_pair_once():
    ids, offsets = flatten([[0, 1, 2]])
    counts = window_counts(ids, offsets, 3, window=1000).toarray()
    np.testing.assert_array_equal(counts, 1 - np.eye(3))


def test_one_word_says_nothing_about_its_neighbours():
    ids, offsets = flatten([[0]])
    assert window_counts(ids, offsets, 1, window=5).nnz == 0


def test_sentence_and_document_contexts_count_occurrences():
    ids, sentences = flatten([[0, 1, 1], [2], [1, -1, 0]])
    by_sentence = context_counts(ids, sentences, 3).toarray()
    np.testing.assert_array_equal(by_sentence, [[1, 0, 1], [2, 0, 1], [0, 1, 0]])
    documents = np.array([0, 2, 3])
    by_document = context_counts(ids, sentences[documents], 3).toarray()
    np.testing.assert_array_equal(by_document, [[1, 1], [2, 1], [1, 0]])


def test_parts_of_a_stream_add_up_to_the_whole():
    generator = np.random.default_rng(0)
    sentences = [generator.integers(0, 6, size=n).tolist() for n in generator.integers(1, 9, size=40)]
    whole = window_counts(*flatten(sentences), 6, window=3, distance_weighting=True)
    parts = (flatten(sentences[i : i + 7]) for i in range(0, 40, 7))
    streamed = stream_window_counts(parts, 6, window=3, distance_weighting=True)
    np.testing.assert_allclose(streamed.toarray(), whole.toarray())


@pytest.mark.parametrize("count", [window_counts, context_counts])
@pytest.mark.parametrize(
    ("ids", "offsets", "size", "name"),
    [
        ([], [0, 0], 3, "ids"),
        ([0, 3], [0, 2], 3, "ids"),
        ([0, -2], [0, 2], 3, "ids"),
        ([0.5, 1.0], [0, 2], 3, "integers"),
        ([[0, 1]], [0, 2], 3, "ids"),
        ([0, 1], [0, 1], 3, "offsets"),
        ([0, 1], [1, 2], 3, "offsets"),
        ([0, 1], [0, 2, 1, 2], 3, "offsets"),
        ([0, 1], [0, 2], 0, "vocab_size"),
    ],
)
def test_bad_input_is_named(count, ids, offsets, size, name):
    with pytest.raises(ValueError, match=name):
        count(np.array(ids, dtype=None if ids else np.int32), np.array(offsets), size)


def test_a_window_of_zero_is_refused():
    with pytest.raises(ValueError, match="window"):
        window_counts(np.array([0, 1]), np.array([0, 2]), 2, window=0)


def test_a_stream_of_nothing_is_refused():
    with pytest.raises(ValueError, match="parts"):
        stream_window_counts([], 3)
