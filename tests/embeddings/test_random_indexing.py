"""Random indexing keeps inner products on average."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from course_lib.embeddings.random_indexing import index_vectors, random_indexing


def test_index_vectors_are_sparse_ternary_of_length_one():
    index = index_vectors(50, 40, nonzeros=6, seed=1).toarray()
    assert ((index != 0).sum(axis=1) == 6).all()
    np.testing.assert_allclose(np.abs(index[index != 0]), 1 / np.sqrt(6))
    np.testing.assert_allclose(np.linalg.norm(index, axis=1), 1.0)


def test_vectors_are_the_sum_of_the_index_vectors_of_the_contexts():
    counts = csr_matrix(np.array([[2.0, 0, 1.0], [0, 0, 3.0]]))
    index = index_vectors(3, 20, seed=4).toarray()
    vectors = random_indexing(counts, 20, seed=4)
    np.testing.assert_allclose(vectors, [2 * index[0] + index[2], 3 * index[2]])


def test_inner_products_are_kept_on_average_and_better_in_more_dimensions():
    generator = np.random.default_rng(0)
    counts = csr_matrix(generator.poisson(1.0, (6, 300)).astype(float))
    exact = (counts @ counts.T).toarray()

    def estimates(dimensions):
        vectors = [random_indexing(counts, dimensions, seed=s) for s in range(60)]
        return np.array([v @ v.T for v in vectors])

    small, large = estimates(50), estimates(800)
    scale = np.abs(exact).max()
    assert np.abs(large.mean(axis=0) - exact).max() / scale < 0.02
    assert large.std(axis=0).mean() < 0.4 * small.std(axis=0).mean()


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="contexts"):
        index_vectors(0, 10)
    with pytest.raises(ValueError, match="nonzeros"):
        index_vectors(5, 4, nonzeros=5)
    with pytest.raises(ValueError, match="nonzeros"):
        index_vectors(5, 4, nonzeros=0)
