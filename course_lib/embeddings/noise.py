"""The noise of negative sampling, and which tokens of frequent words are left out.

Mikolov et al. 2013, arXiv:1310.4546, sections 2.2 and 2.3.
Noise words come from the unigram distribution to the power 3/4, by a table of cumulative integers as in
gensim. Subsampling follows word2vec's program, whose formula differs from the paper's: see
`keep_probability`.
"""

import numpy as np
import torch
from torch import Tensor

DOMAIN = 2**31 - 1


def cumulative_table(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """Integers c with P(word ≤ w) = c[w] / (2³¹−1) under P(w) ∝ count(w)^power.

    Args:
        counts: (V,) non-negative counts, at least one positive.
        power: 1 is the unigram distribution, 0 the uniform one over all V words.
    Returns:
        (V,) int64, rising to 2³¹−1.
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or len(counts) == 0 or not (counts >= 0).all() or counts.max() == 0:
        raise ValueError(f"counts must be (V,), not negative and not all 0, got shape {counts.shape}")
    if not 0 <= power < np.inf:
        raise ValueError(f"power must be finite and at least 0, got {power}")
    mass = np.cumsum(counts.astype(np.float64) ** power)
    return np.round(mass / mass[-1] * DOMAIN).astype(np.int64)


def draw_noise(table: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Noise words, int64, of the given shape.

    Args:
        table: (V,) int64 from `cumulative_table`, on the generator's device.
        shape: any shape.
        generator: where the randomness comes from.
    """
    uniform = torch.randint(DOMAIN, shape, generator=generator, device=table.device)
    return torch.searchsorted(table, uniform, right=True).clamp_(max=len(table) - 1)


def noise_probability(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """P(w) ∝ count(w)^power, (V,) float64, summing to 1."""
    mass = np.asarray(counts, dtype=np.float64) ** power
    return mass / mass.sum()


def keep_probability(counts: np.ndarray, threshold: float = 1e-3) -> np.ndarray:
    """Chance that one token of each word is kept, (V,) float64 in [0, 1].

    With f a word's share of all tokens, word2vec's program keeps it with probability √(t/f) + t/f;
    the paper prints √(t/f).

    Args:
        counts: (V,) counts.
        threshold: t; 0 keeps everything.
    """
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be within 0..1, got {threshold}")
    counts = np.asarray(counts, dtype=np.float64)
    if threshold == 0 or counts.sum() == 0:
        return np.ones(len(counts))
    ratio = threshold * counts.sum() / np.maximum(counts, 1)  # t / f
    return np.minimum(np.sqrt(ratio) + ratio, 1.0)
