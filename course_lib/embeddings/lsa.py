"""Latent semantic analysis: weigh the counts, then keep the strongest directions.

Deerwester et al. 1990, doi:10.1002/(SICI)1097-4571(199009)41:6<391::AID-ASI1>3.0.CO;2-9, factor
a matrix of word counts by the singular value decomposition. Positive pointwise mutual information,
its shift by log k and the smoothing of contexts follow Levy and Goldberg 2014 ("Neural Word
Embedding as Implicit Matrix Factorization", equations 7 to 11) and Levy, Goldberg and Dagan 2015,
doi:10.1162/tacl_a_00134, section 3. The decomposition is the randomised one of Halko, Martinsson
and Tropp 2011, arXiv:0909.4061, algorithms 4.4 and 5.1.
Left out: updating the decomposition when documents arrive ("folding in").
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr
from scipy.sparse import csr_matrix, issparse

Floats = NDArray[np.floating]
Transform = Literal["counts", "log", "entropy", "ppmi"]


@dataclass(frozen=True)
class LSAConfig:
    """How `word_vectors` goes from counts to vectors."""

    dimensions: int = 100  # E
    transform: Transform = "ppmi"
    shift: float = 1.0  # k, the number of negative samples in SGNS; 1 subtracts nothing
    smoothing: float = 0.75  # exponent of the context counts; 1 leaves them
    power: float = 0.5  # of the singular values; 1 is U·S, 0 is U alone


def ppmi(counts: csr_matrix, *, shift: float = 1.0, smoothing: float = 1.0) -> csr_matrix:
    """max(log P(w,c) / (P(w)·Pₐ(c)) − log k, 0), with 0 where a pair was never seen.

    Args:
        counts: (W, C) sparse, at least one positive entry and none negative.
        shift: k > 0; the matrix that SGNS with k negative samples factors is shifted by log k.
        smoothing: a in (0, 1]; Pₐ(c) is proportional to #(c)^a. Below 1, rare contexts weigh less.
    Returns:
        (W, C) float64 sparse matrix that stores positive entries only.
    Raises:
        ValueError: on counts that are negative, not finite or all 0, and on arguments out of range.
    """
    matrix = _check_counts(counts)
    if not shift > 0:
        raise ValueError(f"shift must be above 0, got {shift}")
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must lie in (0, 1], got {smoothing}")
    words = np.asarray(matrix.sum(axis=1)).ravel()  # (W,)  #(w)
    contexts = np.asarray(matrix.sum(axis=0)).ravel() ** smoothing  # (C,)  #(c)^a
    contexts /= contexts.sum()  # Pₐ(c)
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))  # (nnz,)
    # PMI(w,c) = log #(w,c) − log #(w) − log Pₐ(c)
    pmi = np.log(matrix.data) - np.log(words[row]) - np.log(contexts[matrix.indices])
    matrix.data = np.maximum(pmi - np.log(shift), 0.0)
    matrix.eliminate_zeros()
    return matrix


def log_entropy(counts: csr_matrix) -> csr_matrix:
    """log(1 + F[w,c]) · (1 − H(w) / log C): the weights that LSA is used with for documents.

    Dumais 1991, doi:10.3758/BF03203370. H(w) is the entropy of the contexts that w occurs in: a word
    spread evenly over all contexts weighs 0, a word of one context weighs 1.

    Args:
        counts: (W, C) sparse counts, C at least 2.
    Returns:
        (W, C) float64 sparse matrix.
    Raises:
        ValueError: on bad counts, or fewer than two contexts.
    """
    matrix = _check_counts(counts)
    if matrix.shape[1] < 2:
        raise ValueError(f"counts must have at least 2 contexts (columns), got {matrix.shape[1]}")
    row = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    words = np.asarray(matrix.sum(axis=1)).ravel()
    p = matrix.data / words[row]  # P(c | w)
    entropy = np.bincount(row, weights=-p * np.log(p), minlength=matrix.shape[0])  # (W,)
    weight = 1.0 - entropy / np.log(matrix.shape[1])
    matrix.data = np.log1p(matrix.data) * weight[row]
    return matrix


def truncated_svd(
    matrix: csr_matrix | Floats,
    dimensions: int,
    *,
    seed: int = 0,
    oversampling: int = 10,
    iterations: int = 6,
) -> tuple[Floats, Floats, Floats]:
    """The `dimensions` strongest singular directions: matrix ≈ U·diag(s)·Vᵀ.

    Args:
        matrix: (W, C), sparse or dense; its float type is kept.
        dimensions: E in 1..min(W, C).
        seed: of the random start.
        oversampling: extra directions that are carried along and dropped at the end.
        iterations: power iterations; more separate close singular values better.
    Returns:
        U (W, E), s (E,) from large to small, Vᵀ (E, C). Each column of U is signed so that its
        entry of greatest size is positive: the same input gives the same vectors.
    Raises:
        ValueError: if `dimensions` is out of range.
    """
    limit = min(matrix.shape)
    if not 1 <= dimensions <= limit:
        raise ValueError(f"dimensions must lie in 1..{limit} for a {matrix.shape} matrix, got {dimensions}")
    generator = np.random.default_rng(seed)
    width = min(dimensions + oversampling, limit)
    dtype = matrix.dtype if np.issubdtype(matrix.dtype, np.floating) else np.float64
    start = generator.standard_normal((matrix.shape[1], width)).astype(dtype)
    basis = _orthonormal(matrix @ start)  # (W, width)
    for _ in range(iterations):  # Q ← orth(M·orth(Mᵀ·Q))   (algorithm 4.4)
        basis = _orthonormal(matrix @ _orthonormal(matrix.T @ basis))
    small = np.asarray((matrix.T @ basis).T)  # (width, C) = Qᵀ·M
    left, values, right = np.linalg.svd(small, full_matrices=False)  # (algorithm 5.1)
    left = (basis @ left)[:, :dimensions]  # (W, E)
    sign = np.sign(left[np.abs(left).argmax(axis=0), np.arange(dimensions)])
    sign[sign == 0] = 1
    return left * sign, values[:dimensions], right[:dimensions] * sign[:, None]


def transform(counts: csr_matrix, config: LSAConfig) -> csr_matrix:
    """The weighted matrix (W, C) that `config` asks for."""
    if config.transform == "ppmi":
        return ppmi(counts, shift=config.shift, smoothing=config.smoothing)
    if config.transform == "entropy":
        return log_entropy(counts)
    if config.transform == "log":
        return csr_matrix(_check_counts(counts).log1p())
    if config.transform == "counts":
        return _check_counts(counts)
    raise ValueError(f"transform must be counts, log, entropy or ppmi, got {config.transform!r}")


def word_vectors(counts: csr_matrix, config: LSAConfig | None = None, *, seed: int = 0) -> Floats:
    """Counts to vectors: weigh, factor, and scale U by s^power.

    Args:
        counts: (W, C) sparse counts.
        config: see `LSAConfig`; the default when None.
        seed: of the decomposition's random start.
    Returns:
        (W, E) float64; a word that was never counted is a row of zeros.
    """
    config = config or LSAConfig()
    left, values, _ = truncated_svd(transform(counts, config), config.dimensions, seed=seed)
    vectors = left * values**config.power
    vectors[np.diff(csr_matrix(counts).indptr) == 0] = 0.0
    return vectors


def _orthonormal(matrix: Floats) -> Floats:
    """An orthonormal basis of the columns' span, same shape."""
    return qr(np.asarray(matrix), mode="economic", check_finite=False)[0]


def _check_counts(counts: csr_matrix) -> csr_matrix:
    """A float64 copy without stored zeros, or an error."""
    if not issparse(counts):
        raise ValueError(f"counts must be a scipy sparse matrix, got {type(counts).__name__}")
    matrix = csr_matrix(counts, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if matrix.nnz == 0:
        raise ValueError("counts must hold at least one positive count (an empty corpus?), got none")
    if not np.isfinite(matrix.data).all() or matrix.data.min() < 0:
        raise ValueError("counts must be finite and at least 0, got a negative or non-finite count")
    return matrix
