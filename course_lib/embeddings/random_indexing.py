"""Random indexing: a projection instead of a decomposition.

Kanerva, Kristoferson and Holst 2000, "Random Indexing of Text Samples for Latent Semantic Analysis",
and Sahlgren 2005. Each context gets a fixed sparse random vector of +1 and −1; a word's
vector is the sum of the vectors of the contexts it was seen in. Nothing is factored, so text can
arrive for ever in constant memory. Inner products are kept on average (Johnson and
Lindenstrauss 1984). Left out: permuting the index vectors to encode word order.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix


def index_vectors(contexts: int, dimensions: int, *, nonzeros: int = 8, seed: int = 0) -> csr_matrix:
    """One sparse ternary vector for each context.

    Args:
        contexts: C, at least 1.
        dimensions: E, at least `nonzeros`.
        nonzeros: entries of ±1/√nonzeros in each vector, at least 1; each vector has length 1.
        seed: of the draw.
    Returns:
        (C, E) float64 sparse matrix.
    Raises:
        ValueError: on sizes out of range.
    """
    if contexts < 1:
        raise ValueError(f"contexts must be at least 1, got {contexts}")
    if not 1 <= nonzeros <= dimensions:
        raise ValueError(f"nonzeros must lie in 1..{dimensions} (= dimensions), got {nonzeros}")
    generator = np.random.default_rng(seed)
    # Distinct places for each context: the smallest of E random keys, found without a loop.
    keys = generator.random((contexts, dimensions), dtype=np.float32)  # (C, E)
    columns = np.argpartition(keys, nonzeros - 1, axis=1)[:, :nonzeros]  # (C, nonzeros)
    signs = generator.choice([-1.0, 1.0], size=(contexts, nonzeros)) / np.sqrt(nonzeros)
    starts = np.arange(contexts + 1) * nonzeros
    return csr_matrix((signs.ravel(), columns.ravel(), starts), shape=(contexts, dimensions))


def random_indexing(
    counts: csr_matrix, dimensions: int, *, nonzeros: int = 8, seed: int = 0
) -> NDArray[np.float64]:
    """v_w = Σ_c F[w,c]·r_c, the sum of the index vectors of the contexts of w.

    Args:
        counts: (W, C) sparse counts or weights.
        dimensions: E.
        nonzeros: entries in each index vector.
        seed: of the index vectors.
    Returns:
        (W, E) float64.
    """
    index = index_vectors(counts.shape[1], dimensions, nonzeros=nonzeros, seed=seed)
    return np.asarray((counts @ index).todense())
