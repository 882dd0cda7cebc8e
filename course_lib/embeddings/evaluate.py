"""How good are word vectors? Similarity, analogy and synonym questions with known answers.

A question with a word outside the vocabulary is not skipped: its similarity is 0 and its answer wrong,
so that every model is scored on the same questions.
Sources: rank correlation with judgements as in WordSim-353 (Finkelstein et al. 2002); analogies by the sum of
unit vectors (Mikolov et al. 2013, NAACL); synonym choice as in the TOEFL test (Landauer & Dumais 1997).
"""

from collections.abc import Sequence

import numpy as np

from course_lib.embeddings.vectors import WordVectors, unit_rows

Pair = tuple[str, str, float]
Analogy = tuple[str, str, str, str]
Choice = tuple[str, Sequence[str], int]


def similarity(vectors: WordVectors, pairs: Sequence[Pair]) -> float:
    """Spearman's rank correlation of cosine with the given scores, in [-1, 1].

    Args:
        vectors: the vectors under test.
        pairs: (word a, word b, score), at least two.
    Returns:
        The correlation; 0 where all cosines are equal, because such vectors tell nothing.
    """
    if len(pairs) < 2:
        raise ValueError(f"pairs must be at least 2, got {len(pairs)}")
    from scipy.stats import spearmanr

    units = _with_zero_row(vectors)
    a = _ids(vectors, [pair[0] for pair in pairs])
    b = _ids(vectors, [pair[1] for pair in pairs])
    cosine = np.einsum("ne,ne->n", units[a], units[b])  # (N,)
    truth = np.array([pair[2] for pair in pairs], dtype=np.float64)
    if not np.isfinite(truth).all():
        raise ValueError("pairs must have finite scores, got NaN or infinity")
    if np.ptp(cosine) == 0 or np.ptp(truth) == 0:
        return 0.0
    return float(spearmanr(cosine, truth).statistic)


def analogy(vectors: WordVectors, questions: Sequence[Analogy], block: int = 512) -> float:
    """Share of "a is to b as c is to ?" questions whose first answer is d, in [0, 1].

    Args:
        vectors: the vectors under test.
        questions: (a, b, c, d), at least one.
        block: questions answered at once, which bounds memory at block × V numbers.
    """
    if not questions:
        raise ValueError("questions must not be empty")
    ids = np.stack([_ids(vectors, [q[column] for q in questions]) for column in range(4)], axis=1)  # (N, 4)
    ids = ids[(ids >= 0).all(axis=1)]
    units = vectors.unit
    right = 0
    for start in range(0, len(ids), block):
        a, b, c, d = ids[start : start + block].T
        query = unit_rows(units[b] - units[a] + units[c])  # (n, E)
        scores = query @ units.T  # (n, V)
        for given in (a, b, c):
            scores[np.arange(len(given)), given] = -np.inf
        right += int((scores.argmax(axis=1) == d).sum())
    return right / len(questions)


def synonyms(vectors: WordVectors, questions: Sequence[Choice]) -> float:
    """Share of questions whose right candidate is nearest to the query, in [0, 1].

    Candidates that tie for nearest share the point, so that vectors that tell nothing score chance.

    Args:
        vectors: the vectors under test.
        questions: (query, candidates, index of the right one), at least one.
    """
    if not questions:
        raise ValueError("questions must not be empty")
    units = _with_zero_row(vectors)
    points = 0.0
    for query, candidates, right in questions:
        if not 0 <= right < len(candidates):
            raise ValueError(f"the right index must be within 0..{len(candidates) - 1}, got {right}")
        cosine = units[_ids(vectors, candidates)] @ units[_ids(vectors, [query])[0]]
        best = np.flatnonzero(cosine == cosine.max())
        points += float(right in best) / len(best)
    return points / len(questions)


def _ids(vectors: WordVectors, words: Sequence[str]) -> np.ndarray:
    """Ids, −1 for unknown words: (N,) int64."""
    return np.array([vectors.index.get(word, -1) for word in words], dtype=np.int64)


def _with_zero_row(vectors: WordVectors) -> np.ndarray:
    """(V+1, E) unit vectors; index −1 meets a zero row, whose cosine with anything is 0."""
    return np.concatenate([vectors.unit, np.zeros_like(vectors.unit, shape=(1, vectors.unit.shape[1]))])
