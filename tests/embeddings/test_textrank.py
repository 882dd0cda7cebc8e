"""PageRank against networkx, graphs by hand, and strange text."""

import math

import numpy as np
import pytest
from scipy.sparse import csr_matrix, random_array

from course_lib.embeddings.textrank import (
    key_phrases,
    keyword_graph,
    keywords,
    pagerank,
    rank_sentences,
    sentence_graph,
)


def everything(word):
    return True


@pytest.mark.oracle
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("damping", [0.5, 0.85])
def test_scores_equal_networkx_on_weighted_directed_graphs_with_dangling_nodes(seed, damping):
    import networkx

    weights = csr_matrix(random_array((40, 40), density=0.06, rng=np.random.default_rng(seed)))
    assert (np.asarray(weights.sum(axis=1)) == 0).any()
    ranking = pagerank(weights, damping=damping, tolerance=1e-13)
    graph = networkx.from_scipy_sparse_array(weights, create_using=networkx.DiGraph)
    theirs = networkx.pagerank(graph, alpha=damping, tol=1e-14, max_iter=1000)
    np.testing.assert_allclose(ranking.scores, [theirs[i] for i in range(40)], atol=1e-11)
    assert ranking.converged


def test_the_result_is_a_fixed_point_of_the_walk():
    weights = csr_matrix(random_array((30, 30), density=0.2, rng=np.random.default_rng(0)))
    scores = pagerank(weights, tolerance=1e-14).scores
    out = np.asarray(weights.sum(axis=1)).ravel()
    step = np.where(out[:, None] > 0, weights.toarray() / np.maximum(out, 1e-300)[:, None], 1 / 30)
    np.testing.assert_allclose(0.15 / 30 + 0.85 * step.T @ scores, scores, atol=1e-13)
    assert scores.sum() == pytest.approx(1)


def test_a_path_of_three_nodes_gives_the_scores_worked_out_by_hand():
    # middle m = 0.05 + 0.85·(2e), ends e = 0.05 + 0.85·m/2, and m + 2e = 1.
    scores = pagerank(csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]))).scores
    middle = 0.9 / 1.85
    np.testing.assert_allclose(scores, [(1 - middle) / 2, middle, (1 - middle) / 2], atol=1e-9)


def test_without_damping_every_node_is_equal():
    scores = pagerank(csr_matrix(np.array([[0, 1, 5], [1, 0, 1], [0, 1, 0]])), damping=0.0).scores
    np.testing.assert_allclose(scores, 1 / 3)


def test_the_history_holds_every_step_and_the_residuals_fall():
    ranking = pagerank(csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])))
    assert len(ranking.history) == len(ranking.residuals) + 1
    np.testing.assert_allclose(np.abs(np.diff(ranking.history, axis=0)).sum(axis=1), ranking.residuals)
    assert (ranking.residuals[1:] <= 0.85 * ranking.residuals[:-1] + 1e-15).all()


def test_too_few_iterations_are_reported():
    assert not pagerank(csr_matrix(np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])), iterations=2).converged


def test_a_keyword_graph_joins_neighbours_and_skips_stop_words_in_place():
    sentences = [["big", "cat", "of", "night"], ["cat", "big"]]
    words, graph = keyword_graph(sentences, lambda w: w != "of", window=1)
    assert words == ["big", "cat", "night"]
    np.testing.assert_array_equal(graph.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    weighted = keyword_graph(sentences, lambda w: w != "of", window=2, weighted=True)[1].toarray()
    np.testing.assert_array_equal(weighted, [[0, 2, 0], [2, 0, 1], [0, 1, 0]])


def test_a_repeated_word_makes_no_loop():
    _, graph = keyword_graph([["a", "a", "b"]], everything)
    assert not graph.diagonal().any()


def test_the_hub_of_a_text_is_its_first_keyword():
    sentences = [["red", "apple"], ["green", "apple"], ["old", "apple"], ["old", "tree"]]
    assert keywords(sentences, everything, window=1)[0][0] == "apple"


def test_top_words_side_by_side_become_a_phrase():
    sentences = [["linear", "constraint", "of", "the", "linear", "system"], ["system"]]
    ranked = [("linear", 0.4), ("system", 0.3), ("constraint", 0.2), ("the", 0.1)]
    assert key_phrases(sentences, ranked, top=3) == ["linear system", "linear constraint", "system"]


def test_sentence_similarity_is_overlap_over_log_lengths():
    graph = sentence_graph([["a", "b", "c"], ["b", "c", "d", "e"], ["x", "y"]], everything).toarray()
    assert graph[0, 1] == graph[1, 0] == pytest.approx(2 / (math.log(3) + math.log(4)))
    assert graph[0, 2] == graph[1, 2] == 0
    assert not graph.diagonal().any()


def test_one_word_sentences_do_not_divide_by_zero():
    graph = sentence_graph([["a"], ["a"], ["a", "b"]], everything).toarray()
    assert np.isfinite(graph).all()
    assert graph[0, 1] == 0
    assert graph[0, 2] == pytest.approx(1 / math.log(2))


def test_the_sentence_that_shares_words_with_all_others_ranks_first():
    sentences = [["sun", "sea"], ["sun", "hill"], ["sea", "hill", "sun"], ["bus", "stop"]]
    scores = rank_sentences(sentences, everything).scores
    assert scores.argmax() == 2
    assert scores.argmin() == 3


def test_strange_words_are_words():
    strange = ["x" * 10_000, "\0", "\udcff\udcfe", "", "词"]
    assert {word for word, _ in keywords([strange], everything)} == set(strange)


def test_one_word_and_one_sentence_get_the_whole_score():
    assert keywords([["a", "a"]], everything, window=99) == [("a", 1.0)]
    np.testing.assert_allclose(rank_sentences([["a", "b"]], everything).scores, [1.0])


def test_sentences_without_kept_words_rank_equally():
    np.testing.assert_allclose(rank_sentences([["a"], ["b"]], lambda w: False).scores, 0.5)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="sentences"):
        keywords([], everything)
    with pytest.raises(ValueError, match="sentences"):
        keywords([["the"]], lambda w: False)
    with pytest.raises(ValueError, match="sentences"):
        rank_sentences([], everything)
    for rank in (keywords, rank_sentences):
        with pytest.raises(ValueError, match="sentences must be lists of words, got the string 'a text'"):
            rank(["a text"], everything)
    with pytest.raises(ValueError, match="window"):
        keywords([["a", "b"]], everything, window=0)
    with pytest.raises(ValueError, match="top"):
        key_phrases([["a"]], [("a", 1.0)], top=0)
    square = csr_matrix(np.eye(2))
    for bad in (csr_matrix((2, 3)), csr_matrix((0, 0)), -square, np.eye(2)):
        with pytest.raises(ValueError, match="weights"):
            pagerank(bad)
    with pytest.raises(ValueError, match="damping"):
        pagerank(square, damping=1.0)
