"""PPMI by hand, the decomposition against scikit-learn, scipy and gensim."""

import numpy as np
import pytest
from scipy.linalg import subspace_angles
from scipy.sparse import csr_matrix, random_array

from course_lib.embeddings.cooccurrence import flatten, window_counts
from course_lib.embeddings.lsa import LSAConfig, log_entropy, ppmi, truncated_svd, word_vectors


@pytest.fixture
def matrix():
    """Sparse, with 12 strong directions above a weak rest."""
    generator = np.random.default_rng(0)
    strong = generator.standard_normal((80, 12)) @ np.diag(np.linspace(9, 4, 12)) @ generator.random((12, 60))
    dense = strong * (generator.random((80, 60)) < 0.5) * 0.01 + strong
    return csr_matrix(dense + 0.01 * generator.standard_normal((80, 60)))


def test_ppmi_of_a_three_word_corpus_equals_the_values_worked_out_by_hand():
    # "a b a c": neighbours within 1 place: ab, ba, ac, so #(a)=3, #(b)=2, #(c)=1, total 6.
    counts = window_counts(*flatten([[0, 1, 0, 2]]), 3, window=1)
    np.testing.assert_array_equal(counts.toarray(), [[0, 2, 1], [2, 0, 0], [1, 0, 0]])
    # PMI(a,b) = log(2/6 / (3/6 · 2/6)) = log 2, and PMI(a,c) = log(1/6 / (3/6 · 1/6)) = log 2.
    expected = np.log(2) * np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])
    np.testing.assert_allclose(ppmi(counts).toarray(), expected, atol=1e-15)


def test_smoothing_and_shift_equal_the_values_worked_out_by_hand():
    counts = csr_matrix(np.array([[0, 2, 1], [2, 0, 0], [1, 0, 0]]))
    smooth = np.array([3, 2, 1]) ** 0.75
    smooth /= smooth.sum()
    expected = np.log(
        [[1, 2 / 3 / smooth[1], 1 / 3 / smooth[2]], [1 / smooth[0], 1, 1], [1 / smooth[0], 1, 1]]
    )
    np.testing.assert_allclose(ppmi(counts, smoothing=0.75).toarray(), np.maximum(expected, 0), atol=1e-14)
    shifted = ppmi(counts, shift=1.5).toarray()
    np.testing.assert_allclose(shifted[shifted > 0], np.log(2 / 1.5), atol=1e-14)
    assert ppmi(counts, shift=2.0).nnz == 0


def test_independent_words_have_no_ppmi():
    independent = csr_matrix(np.outer([1.0, 2.0, 5.0], [3.0, 1.0]))
    assert ppmi(independent).toarray().max() < 1e-12


def test_ppmi_leaves_its_argument_alone():
    counts = csr_matrix(np.array([[0, 2.0], [2.0, 1.0]]))
    before = counts.toarray()
    ppmi(counts, shift=2.0)
    np.testing.assert_array_equal(counts.toarray(), before)


def test_log_entropy_gives_no_weight_to_an_even_word_and_full_weight_to_a_word_of_one_context():
    weighted = log_entropy(csr_matrix(np.array([[3.0, 3.0, 3.0], [0.0, 4.0, 0.0]]))).toarray()
    np.testing.assert_allclose(weighted, [[0, 0, 0], [0, np.log(5), 0]], atol=1e-15)


@pytest.mark.oracle
def test_svd_spans_the_same_space_as_scikit_learn_and_scipy(matrix):
    from scipy.sparse.linalg import svds
    from sklearn.decomposition import TruncatedSVD

    left, values, right = truncated_svd(matrix, 8, seed=3)
    theirs = TruncatedSVD(8, algorithm="arpack").fit(matrix)
    np.testing.assert_allclose(values, theirs.singular_values_, rtol=1e-9)
    assert subspace_angles(right.T, theirs.components_.T).max() < 1e-6
    u, s, vt = svds(matrix, k=8)
    np.testing.assert_allclose(values, s[::-1], rtol=1e-9)
    assert subspace_angles(left, u).max() < 1e-6
    np.testing.assert_allclose(left * values @ right, u * s @ vt, atol=1e-6)


@pytest.mark.oracle
def test_svd_spans_the_same_space_as_gensim(matrix):
    from gensim.matutils import Sparse2Corpus
    from gensim.models import LsiModel

    left, values, _ = truncated_svd(matrix, 8, seed=3)
    model = LsiModel(Sparse2Corpus(matrix.tocsc()), num_topics=8, power_iters=20, random_seed=0)
    np.testing.assert_allclose(values, model.projection.s, rtol=1e-6)
    assert subspace_angles(left, model.projection.u).max() < 1e-4


@pytest.mark.oracle
def test_lsa_of_sparse_counts_equals_scipy():
    from scipy.sparse.linalg import svds

    generator = np.random.default_rng(1)
    counts = csr_matrix(
        random_array(
            (60, 60), density=0.2, rng=generator, data_sampler=lambda size: generator.integers(1, 9, size)
        )
    )
    config = LSAConfig(dimensions=40, transform="ppmi", power=1.0)
    vectors = word_vectors(counts, config)
    u, s, _ = svds(ppmi(counts, smoothing=0.75), k=40)
    np.testing.assert_allclose(vectors @ vectors.T, (u * s**2) @ u.T, atol=1e-2)


def test_all_dimensions_give_the_matrix_back():
    dense = np.random.default_rng(0).standard_normal((7, 5))
    left, values, right = truncated_svd(dense, 5)
    np.testing.assert_allclose(left * values @ right, dense, atol=1e-12)
    np.testing.assert_allclose(left.T @ left, np.eye(5), atol=1e-12)


def test_the_same_input_gives_the_same_vectors_and_signs(matrix):
    first, second = truncated_svd(matrix, 5, seed=0)[0], truncated_svd(matrix, 5, seed=1)[0]
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_single_precision_is_kept():
    left, values, _ = truncated_svd(csr_matrix(np.eye(6, dtype=np.float32)), 2)
    assert left.dtype == values.dtype == np.float32


def test_a_word_that_was_never_counted_is_a_row_of_zeros():
    counts = csr_matrix(np.array([[0, 3.0, 1.0], [3.0, 0, 0], [0, 0, 0]]))
    vectors = word_vectors(counts, LSAConfig(dimensions=2, smoothing=1.0))
    assert not vectors[2].any()
    assert np.abs(vectors[:2]).sum() > 0


def test_a_vocabulary_of_one_word_gives_one_zero_vector():
    counts = window_counts(*flatten([[0, 0, 0]]), 1, window=2)
    assert ppmi(counts).nnz == 0
    np.testing.assert_array_equal(word_vectors(counts, LSAConfig(dimensions=1)), [[0.0]])


def test_bad_input_is_named():
    good = csr_matrix(np.eye(3))
    for bad, match in (
        (csr_matrix((3, 3)), "counts"),
        (csr_matrix(np.array([[1.0, -1.0]])), "counts"),
        (csr_matrix(np.array([[1.0, np.nan]])), "counts"),
        (np.eye(3), "counts"),
    ):
        with pytest.raises(ValueError, match=match):
            ppmi(bad)
    with pytest.raises(ValueError, match="shift"):
        ppmi(good, shift=0)
    with pytest.raises(ValueError, match="smoothing"):
        ppmi(good, smoothing=0)
    for dimensions in (0, 4):
        with pytest.raises(ValueError, match="dimensions"):
            truncated_svd(good, dimensions)
    with pytest.raises(ValueError, match="transform"):
        word_vectors(good, LSAConfig(dimensions=1, transform="tf"))
    with pytest.raises(ValueError, match="contexts"):
        log_entropy(csr_matrix(np.ones((3, 1))))
