"""How far two domains lie apart: in their words, for a classifier, and in what the words mean.

Jensen-Shannon divergence of word shares (Lin 1991, doi:10.1109/18.61115); the proxy A-distance, from the
error of a classifier that tells the domains apart (Ben-David et al. 2007, "Analysis of Representations for
Domain Adaptation", NIPS 19); log-odds of the label given a word. Label shares are `label_shift`'s.
Left out: the bounds on the target's error in which the A-distance stands.
"""

from collections.abc import Sequence

import numpy as np


def word_shares(texts: Sequence[Sequence[str]], words: Sequence[str]) -> np.ndarray:
    """(V,) the share of each of V words among the texts' tokens that are one of them."""
    place = {word: i for i, word in enumerate(words)}
    known = [place[token] for text in texts for token in text if token in place]
    if not known:
        raise ValueError("texts must hold at least one of the words, got none")
    return np.bincount(known, minlength=len(words)) / len(known)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> float:
    """Divergence of two distributions in bits: 0 for equal ones, 1 for ones that share nothing.

    Args:
        p, q: (V,) of 0 or more, each summing to 1.
    """
    for name, shares in (("p", p), ("q", q)):
        if shares.ndim != 1 or (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
            raise ValueError(f"{name} must be shares of shape (V,) that sum to 1, got sum {shares.sum():.6g}")
    if p.shape != q.shape:
        raise ValueError(f"q must have the shape of p, {p.shape}, got {q.shape}")
    middle = (p + q) / 2
    # JS = ½·KL(p ‖ m) + ½·KL(q ‖ m),  0·log 0 = 0
    parts = [(x[x > 0] * np.log2(x[x > 0] / middle[x > 0])).sum() for x in (p, q)]
    return float(sum(parts) / 2)


def proxy_a_distance(error: float) -> float:
    """2·(1 − 2ε): 0 where no classifier tells the domains apart, 2 where one never errs.

    Args:
        error: ε on unseen texts, as many of each domain, from 0 to 1; above ½ counts as ½.
    """
    if not 0 <= error <= 1:
        raise ValueError(f"error must lie in 0..1, got {error}")
    return 2 * (1 - 2 * min(error, 0.5))


def label_log_odds(
    texts: Sequence[Sequence[str]], labels: Sequence[int], words: Sequence[str], *, smoothing: float = 0.5
) -> np.ndarray:
    """How much a word speaks for label 1: log P(word in text | 1) − log P(word in text | 0).

    Args:
        texts: N lists of words.
        labels: (N,) 0 or 1, both at least once.
        words: V words.
        smoothing: added to each count, above 0.
    Returns:
        (V,); near 0 for a word that is seen too rarely to tell.
    """
    given = np.asarray(labels)
    if len(given) != len(texts) or set(given.tolist()) != {0, 1}:
        raise ValueError(f"labels must be 0 or 1, both of them, one for each of {len(texts)} texts")
    if not smoothing > 0:
        raise ValueError(f"smoothing must be above 0, got {smoothing}")
    inside = np.array([[word in text for word in words] for text in map(set, texts)])
    counts = [inside[given == label].sum(0) + smoothing for label in (0, 1)]
    totals = [(given == label).sum() + 2 * smoothing for label in (0, 1)]
    return np.log(counts[1] / totals[1]) - np.log(counts[0] / totals[0])
