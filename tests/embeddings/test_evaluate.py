"""Scores of word vectors on questions whose answers are known."""

import numpy as np
import pytest

from course_lib.embeddings import evaluate
from course_lib.embeddings.vectors import WordVectors

GRID = WordVectors(
    ["a", "b", "c", "d", "e"], np.array([[1, 0, 0], [1, 1, 0], [1, 0, 1], [1, 1, 1], [-1, 0.2, 0.1]])
)


def test_similarity_is_one_when_ranks_agree_and_minus_one_when_reversed():
    pairs = [("a", "b", GRID.similarity("a", "b") ** 3), ("a", "d", 0.1), ("a", "e", -5.0)]
    assert evaluate.similarity(GRID, pairs) == pytest.approx(1)
    assert evaluate.similarity(GRID, [(a, b, -s) for a, b, s in pairs]) == pytest.approx(-1)


def test_an_unknown_word_has_similarity_zero_instead_of_being_skipped():
    # a–b is positive, a–e negative, so the unknown pair ranks between them
    assert evaluate.similarity(GRID, [("a", "b", 3), ("a", "?", 2), ("a", "e", 1)]) == pytest.approx(1)


def test_vectors_that_are_all_equal_tell_nothing():
    flat = WordVectors(["a", "b", "c"], np.ones((3, 2)))
    assert evaluate.similarity(flat, [("a", "b", 1), ("a", "c", 2)]) == 0
    assert evaluate.synonyms(flat, [("a", ["b", "c"], 0)]) == 0.5


def test_analogy_counts_right_first_answers_and_unknown_words_as_wrong():
    questions = [("a", "b", "c", "d"), ("a", "b", "c", "e"), ("a", "b", "c", "?"), ("a", "c", "b", "d")]
    assert evaluate.analogy(GRID, questions) == 0.5
    assert evaluate.analogy(GRID, questions, block=1) == 0.5


def test_analogy_agrees_with_the_vectors_own_answers():
    words = [f"w{i}" for i in range(40)]
    vectors = WordVectors(words, np.random.default_rng(0).standard_normal((40, 6)))
    triples = [words[i : i + 3] for i in range(0, 30, 3)]
    questions = [(a, b, c, vectors.analogy(a, b, c)[0][0]) for a, b, c in triples]
    assert evaluate.analogy(vectors, questions, block=3) == 1


def test_synonyms_pick_the_nearest_candidate():
    assert evaluate.synonyms(GRID, [("d", ["e", "b", "a"], 1), ("d", ["e", "b", "a"], 0)]) == 0.5


@pytest.mark.oracle
def test_spearman_and_analogies_agree_with_gensim(tmp_path):
    from gensim.models import KeyedVectors

    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(60)]
    matrix = rng.standard_normal((60, 8)).astype(np.float32)
    matrix[30:] = matrix[:30] + matrix[59]  # a constant shift makes some analogies true
    ours = WordVectors(words, matrix)
    theirs = KeyedVectors(8)
    theirs.add_vectors(words, matrix)
    pairs = [(words[i], words[j], float(rng.random())) for i, j in rng.integers(0, 60, (50, 2)) if i != j]
    (tmp_path / "pairs.tsv").write_text("".join(f"{a}\t{b}\t{s}\n" for a, b, s in pairs))
    spearman = theirs.evaluate_word_pairs(str(tmp_path / "pairs.tsv"), case_insensitive=False)[1][0]
    assert evaluate.similarity(ours, pairs) == pytest.approx(spearman, abs=1e-6)
    questions = [(words[i], words[i + 30], words[j], words[j + 30]) for i in range(10) for j in range(10, 20)]
    (tmp_path / "q.txt").write_text(": all\n" + "".join(" ".join(q) + "\n" for q in questions))
    accuracy, _ = theirs.evaluate_word_analogies(str(tmp_path / "q.txt"), case_insensitive=False)
    assert 0.1 < accuracy < 1
    assert evaluate.analogy(ours, questions) == pytest.approx(accuracy)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="pairs"):
        evaluate.similarity(GRID, [("a", "b", 1)])
    with pytest.raises(ValueError, match="finite"):
        evaluate.similarity(GRID, [("a", "b", 1.0), ("a", "c", float("nan"))])
    with pytest.raises(ValueError, match="questions"):
        evaluate.analogy(GRID, [])
    with pytest.raises(ValueError, match="questions"):
        evaluate.synonyms(GRID, [])
    with pytest.raises(ValueError, match="index"):
        evaluate.synonyms(GRID, [("a", ["b"], 1)])
