"""word|TAG keys, and what a tag separates in a text whose senses are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.embeddings.tagged import key, split_key, tag_text
from course_lib.embeddings.word2vec import Word2VecConfig, train
from course_lib.text.vocab import Vocabulary

NAMES = ["NOUN", "VERB"]


def two_topic_text(share_tag: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, list[str]]:
    """ids, offsets, tags, senses, words: "bank" among sailors' words and among gardeners'."""
    rng = np.random.default_rng(0)
    words = ["bank", *(f"sea{i}" for i in range(5)), *(f"soil{i}" for i in range(5))]
    topic = np.repeat(rng.integers(2, size=600), 8)
    ids = np.where(rng.random(len(topic)) < 0.2, 0, 1 + 5 * topic + rng.integers(5, size=len(topic)))
    senses = np.where(ids == 0, topic, 0)
    tags = np.zeros_like(senses) if share_tag else senses
    return ids, np.arange(0, len(ids) + 1, 8), tags, senses, words


def test_each_word_and_tag_becomes_one_key_with_its_count() -> None:
    tagged = tag_text(np.array([0, 0, 1, 0]), np.array([0, 1, 0, 1]), ["plant", "tree"], NAMES)
    assert tagged.vocabulary.words == ["plant|VERB", "plant|NOUN", "tree|NOUN"]
    assert tagged.vocabulary.counts.tolist() == [2, 1, 1]
    assert tagged.ids.tolist() == [1, 0, 2, 0]
    assert tagged.words.tolist() == [0, 0, 1]
    assert tagged.labels.tolist() == [1, 0, 0]


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=30))
def test_every_token_can_be_read_back_from_its_key(tokens: list[tuple[int, int]]) -> None:
    words, names = ["a", "b|c", "|", "", "电影"], ["X", "Y", "Z"]
    ids, labels = (np.array([t[i] for t in tokens], dtype=np.int64) for i in range(2))
    tagged = tag_text(ids, labels, words, names)
    back = [split_key(tagged.vocabulary.words[i]) for i in tagged.ids]
    assert back == [(words[i], names[n]) for i, n in tokens]


def test_a_tag_separates_senses_that_differ_in_it() -> None:
    ids, offsets, tags, _, words = two_topic_text(share_tag=False)
    tagged = tag_text(ids, tags, words, NAMES)
    config = Word2VecConfig(size=16, window=3, epochs=10, subsample=0, batch_tokens=128, block=8)
    vectors = train((tagged.ids, offsets), tagged.vocabulary, config).vectors()
    sea, soil = ([f"{name}{i}|NOUN" for i in range(5)] for name in ("sea", "soil"))
    for own, other, joined in [(sea, soil, "bank|NOUN"), (soil, sea, "bank|VERB")]:
        near, far = (np.mean([vectors.similarity(joined, w) for w in group]) for group in (own, other))
        assert near > far + 0.5


def test_a_tag_that_both_senses_share_changes_nothing() -> None:
    ids, _, tags, _, words = two_topic_text(share_tag=True)
    tagged = tag_text(ids, tags, words, NAMES)
    plain = Vocabulary(words, np.bincount(ids, minlength=len(words)))
    assert sorted(tagged.vocabulary.words) == sorted(f"{word}|NOUN" for word in words)
    assert np.array_equal(plain.counts[tagged.words], tagged.vocabulary.counts)


def test_no_text_gives_no_keys() -> None:
    assert len(tag_text(np.array([]), np.array([]), ["a"], NAMES).vocabulary) == 0


def test_keys_that_could_not_be_taken_apart_are_refused() -> None:
    for tag in ("", "A|B"):
        with pytest.raises(ValueError, match="tag must not"):
            key("word", tag)
    for joined in ("word", "word|"):
        with pytest.raises(ValueError, match="joined must be"):
            split_key(joined)


def test_labels_and_ids_must_fit_their_names_and_each_other() -> None:
    with pytest.raises(ValueError, match="labels must have the shape"):
        tag_text(np.array([0, 1]), np.array([0]), ["a", "b"], NAMES)
    with pytest.raises(ValueError, match="labels must be within"):
        tag_text(np.array([0]), np.array([2]), ["a"], NAMES)
    with pytest.raises(ValueError, match="ids must be within"):
        tag_text(np.array([-1]), np.array([0]), ["a"], NAMES)
