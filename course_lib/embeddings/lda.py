"""Latent Dirichlet allocation by variational Bayes.

Blei, Ng and Jordan 2003 (JMLR 3, 993-1022): a document mixes topics θ, a topic is a distribution β
over words, and each word first draws its topic. The updates are the batch form of Hoffman, Blei and
Bach 2010, "Online Learning for Latent Dirichlet Allocation", equations 5 and 6, for all documents
at once. Left out: learning the two Dirichlet priors, and the online form.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse
from scipy.special import digamma

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LDAConfig:
    """Size and priors of the model; None means 1 / topics, as in Hoffman et al."""

    topics: int = 10  # K
    alpha: float | None = None  # prior of a document's topics
    eta: float | None = None  # prior of a topic's words
    sweeps: int = 20  # updates of the topics
    inner: int = 100  # updates of the documents in each sweep
    tolerance: float = 1e-3  # mean change at which the inner updates stop


def expected_log(parameters: Floats) -> Floats:
    """E[log x] for x ~ Dirichlet(parameters), row by row: ψ(p) − ψ(Σp)."""
    return digamma(parameters) - digamma(parameters.sum(axis=1, keepdims=True))


def infer(
    counts: csr_matrix, topics: Floats, *, alpha: float, inner: int = 100, tolerance: float = 1e-3
) -> Floats:
    """Which topics each document mixes, given the topics (the E step).

    Args:
        counts: (D, V) sparse word counts, one row a document.
        topics: λ (K, V), the Dirichlet parameters of the topics, above 0.
        alpha: prior of a document's topics, above 0.
        inner: most updates.
        tolerance: stop when γ changes less than this on average.
    Returns:
        γ (D, K): Dirichlet parameters; divide by the row sums for the expected shares.
    """
    beta = np.exp(expected_log(topics))  # (K, V)
    gamma = np.ones((counts.shape[0], len(topics)))  # (D, K)
    for _ in range(inner):
        theta = np.exp(expected_log(gamma))  # (D, K)
        # γ ← α + Σ_w n_dw·φ_dw,  φ_dwk ∝ exp(E[log θ_dk] + E[log β_kw])   (eq. 5)
        updated = alpha + theta * (_ratio(counts, theta, beta) @ beta.T)
        change = np.abs(updated - gamma).mean()
        gamma = updated
        if change < tolerance:
            break
    return gamma


def fit(counts: csr_matrix, config: LDAConfig | None = None, *, seed: int = 0) -> tuple[Floats, Floats]:
    """Learn the topics of a collection.

    Args:
        counts: (D, V) sparse word counts, one row a document.
        config: see `LDAConfig`.
        seed: of the random start of the topics.
    Returns:
        λ (K, V) and γ (D, K), Dirichlet parameters of the topics and of the documents.
    Raises:
        ValueError: on an empty collection or a configuration out of range.
    """
    config = config or LDAConfig()
    counts = _check(counts, config)
    alpha, eta = config.alpha or 1.0 / config.topics, config.eta or 1.0 / config.topics
    topics = np.random.default_rng(seed).gamma(100.0, 0.01, (config.topics, counts.shape[1]))
    for _ in range(config.sweeps):
        gamma = infer(counts, topics, alpha=alpha, inner=config.inner, tolerance=config.tolerance)
        theta, beta = np.exp(expected_log(gamma)), np.exp(expected_log(topics))
        # λ ← η + Σ_d n_dw·φ_dw   (eq. 6)
        topics = eta + beta * (_ratio(counts, theta, beta).T @ theta).T
    return topics, infer(counts, topics, alpha=alpha, inner=config.inner, tolerance=config.tolerance)


def _ratio(counts: csr_matrix, theta: Floats, beta: Floats) -> csr_matrix:
    """n_dw / Σ_k θ_dk·β_kw at the stored entries of `counts`, sparse (D, V)."""
    row = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))  # (nnz,)
    norm = np.einsum("nk,nk->n", theta[row], beta.T[counts.indices])  # (nnz,)
    data = counts.data / np.maximum(norm, np.finfo(np.float64).tiny)
    return csr_matrix((data, counts.indices, counts.indptr), shape=counts.shape)


def _check(counts: csr_matrix, config: LDAConfig) -> csr_matrix:
    """Counts as float64 CSR, or an error."""
    if not issparse(counts) or counts.nnz == 0:
        raise ValueError("counts must be a scipy sparse matrix with at least one count, got an empty one")
    if config.topics < 1 or config.sweeps < 1 or config.inner < 1:
        raise ValueError(f"topics, sweeps and inner must be at least 1, got {config}")
    matrix = csr_matrix(counts, dtype=np.float64)
    if matrix.data.min() < 0 or not np.isfinite(matrix.data).all():
        raise ValueError("counts must be finite and at least 0, got a negative or non-finite count")
    return matrix
