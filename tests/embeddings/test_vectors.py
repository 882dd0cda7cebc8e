"""WordVectors: neighbours, analogies, and files that another program reads."""

import numpy as np
import pytest
import torch

from course_lib.embeddings.vectors import WordVectors

WORDS = ["king", "queen", "man", "woman", "apple", "naïve", "词向量", "x" * 10_000, "nul\0byte"]


@pytest.fixture
def vectors():
    matrix = np.random.default_rng(0).standard_normal((len(WORDS), 5)).astype(np.float32)
    matrix[:4] = [[1, 1, 0, 0, 0], [1, -1, 0, 0, 0], [0, 1, 0.1, 0, 0], [0, -1, 0.1, 0, 0]]
    return WordVectors(WORDS, matrix)


def test_analogy_is_the_sum_of_unit_vectors_without_the_given_words(vectors):
    assert vectors.analogy("man", "king", "woman")[0][0] == "queen"
    answers = [word for word, _ in vectors.analogy("man", "king", "woman", n=99)]
    assert not {"man", "king", "woman"} & set(answers)
    assert len(answers) == len(WORDS) - 3


def test_nearest_words_come_by_falling_cosine_without_the_word_itself(vectors):
    neighbours = vectors.most_similar("king", n=4)
    assert [score for _, score in neighbours] == sorted((s for _, s in neighbours), reverse=True)
    assert "king" not in dict(neighbours)
    assert neighbours[0][1] == pytest.approx(vectors.similarity("king", neighbours[0][0]), abs=1e-6)


def test_a_zero_vector_has_similarity_zero_and_no_nan():
    vectors = WordVectors(["a", "b"], np.array([[0, 0], [1, 2]]))
    assert vectors.similarity("a", "b") == 0


def test_a_tensor_that_needs_gradients_is_accepted():
    assert WordVectors(["a"], torch.ones(1, 2, requires_grad=True)).vector("a").tolist() == [1, 1]


def test_saved_vectors_come_back_bit_for_bit(vectors, tmp_path):
    vectors.save(tmp_path / "v.txt")
    again = WordVectors.load(tmp_path / "v.txt")
    assert again.words == WORDS
    assert np.array_equal(again.matrix, vectors.matrix)


@pytest.mark.oracle
def test_gensim_reads_our_file_and_we_read_gensims(vectors, tmp_path):
    from gensim.models import KeyedVectors

    vectors.save(tmp_path / "ours.txt")
    theirs = KeyedVectors.load_word2vec_format(str(tmp_path / "ours.txt"))
    assert theirs.index_to_key == WORDS
    assert np.array_equal(theirs.vectors, vectors.matrix)
    assert theirs.most_similar("king", topn=3)[0][0] == vectors.most_similar("king", n=3)[0][0]
    theirs.save_word2vec_format(str(tmp_path / "theirs.txt"))
    assert np.array_equal(WordVectors.load(tmp_path / "theirs.txt").matrix, vectors.matrix)


def test_every_truncation_of_a_file_is_refused(tmp_path):
    WordVectors(["ab", "c"], np.array([[0.25, -1.5], [3.125, 4]])).save(tmp_path / "v.txt")
    whole = (tmp_path / "v.txt").read_bytes()
    for length in range(len(whole)):
        (tmp_path / "cut.txt").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.txt"):
            WordVectors.load(tmp_path / "cut.txt")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"two 3\n",
        b"1 0\na\n",
        b"-1 2\n",
        b"1 2\na 1 2\nb 1 2\n",
        b"1 2\na 1\n",
        b"1 2\na 1 2 3\n",
        b"1 2\na 1 x\n",
        b"1 2\na 1 nan\n",
        b"2 1\na 1\na 2\n",
        b"1 1\n\xff\xfe 1\n",
        b"999999999999 2\na 1 2\n",
        b"1 2\n\x00\x00\x00",
    ],
)
def test_a_corrupted_file_is_refused(content, tmp_path):
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"v\.txt|distinct|finite"):
        WordVectors.load(tmp_path / "v.txt")


@pytest.mark.parametrize("word", ["", "two words", "line\nend", "no\u00a0break", "\ud800"])
def test_a_word_that_the_format_cannot_hold_is_refused_and_the_old_file_stays(word, tmp_path):
    (tmp_path / "v.txt").write_text("old")
    with pytest.raises(ValueError, match="word"):
        WordVectors(["fine", word], np.ones((2, 2))).save(tmp_path / "v.txt")
    assert (tmp_path / "v.txt").read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["v.txt"]


@pytest.mark.parametrize(
    "build",
    [
        lambda: WordVectors(["a", "a"], np.ones((2, 2))),
        lambda: WordVectors(["a"], np.ones((2, 2))),
        lambda: WordVectors(["a"], np.ones(2)),
        lambda: WordVectors(["a"], np.array([[np.nan]])),
        lambda: WordVectors(["a"], np.ones((1, 2))).vector("b"),
        lambda: WordVectors(["a"], np.ones((1, 2))).most_similar("a", n=0),
    ],
)
def test_bad_input_is_refused(build):
    with pytest.raises(ValueError, match="must "):
        build()
