"""Co-occurrence counts: how often a word is seen in a context.

The matrix F has one row for each of the W words and one column for each of the C contexts
(Deerwester et al. 1990 count words in documents, Lund and Burgess 1996 words around words).
A context is a neighbouring word inside a window, the sentence, or the document. Every count
stays inside its sentence. Left out: n-grams and syntactic relations as contexts.

Text comes in as `ids` (T,), one number a token with -1 for a token that is not counted, and
`offsets` (S+1,), where sentence s is `ids[offsets[s]:offsets[s+1]]`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix, csr_matrix

Ids = NDArray[np.integer]


def flatten(sentences: Sequence[ArrayLike]) -> tuple[Ids, Ids]:
    """Lay lists of ids end to end.

    Args:
        sentences: S sequences of word ids; a sentence may be empty.
    Returns:
        `ids` (T,) int32 and `offsets` (S+1,) int64.
    """
    lengths = [len(np.atleast_1d(sentence)) for sentence in sentences]
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    parts = [np.asarray(sentence, dtype=np.int32).reshape(-1) for sentence in sentences]
    return (np.concatenate(parts) if parts else np.zeros(0, np.int32)), offsets


def window_counts(
    ids: ArrayLike,
    offsets: ArrayLike,
    vocab_size: int,
    *,
    window: int = 5,
    distance_weighting: bool = False,
    symmetric: bool = True,
) -> csr_matrix:
    """F[w, c] = how often c stands at most `window` places from w in one sentence.

    A token of -1 is not counted but keeps its place, so it still separates its neighbours.

    Args:
        ids: (T,) word ids in -1..vocab_size-1.
        offsets: (S+1,) sentence starts, from 0 to T, never falling.
        vocab_size: number of rows and columns, at least 1.
        window: greatest distance, at least 1; it may exceed the longest sentence.
        distance_weighting: let a pair d places apart count 1/d (GloVe, section 4.2) and not 1.
        symmetric: look to both sides; otherwise only at the words that follow.
    Returns:
        (V, V) float64 sparse matrix.
    Raises:
        ValueError: on an empty text, ids or offsets out of range, or a window below 1.
    """
    ids, offsets = _check(ids, offsets, vocab_size)
    if window < 1:
        raise ValueError(f"window must be at least 1, got {window}")
    lengths = np.diff(offsets)
    sentence = np.repeat(np.arange(len(lengths)), lengths)  # (T,)
    counts = csr_matrix((vocab_size, vocab_size))
    for distance in range(1, min(window, int(lengths.max()) - 1) + 1):
        left, right = ids[:-distance], ids[distance:]  # (T - d,) each
        inside = (sentence[:-distance] == sentence[distance:]) & (left >= 0) & (right >= 0)
        weight = 1.0 / distance if distance_weighting else 1.0
        counts = counts + _sum_pairs(left[inside], right[inside], weight, vocab_size, vocab_size)
    return csr_matrix(counts + counts.T) if symmetric else counts


def context_counts(ids: ArrayLike, offsets: ArrayLike, vocab_size: int) -> csr_matrix:
    """F[w, s] = how often word w occurs in sentence (or document) s.

    For documents pass their token offsets: `sentence_offsets[document_offsets]`.

    Args:
        ids: (T,) word ids in -1..vocab_size-1.
        offsets: (S+1,) starts of the contexts, from 0 to T.
        vocab_size: number of rows, at least 1.
    Returns:
        (V, S) float64 sparse matrix.
    Raises:
        ValueError: on an empty text, or ids or offsets out of range.
    """
    ids, offsets = _check(ids, offsets, vocab_size)
    context = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))  # (T,)
    known = ids >= 0
    return _sum_pairs(ids[known], context[known], 1.0, vocab_size, len(offsets) - 1)


def stream_window_counts(
    parts: Iterable[tuple[ArrayLike, ArrayLike]],
    vocab_size: int,
    *,
    window: int = 5,
    distance_weighting: bool = False,
) -> csr_matrix:
    """Add up `window_counts` over (ids, offsets) parts, so that only one part is in memory.

    Raises:
        ValueError: if there is no part, and as `window_counts` does.
    """
    total: csr_matrix | None = None
    for ids, offsets in parts:
        part = window_counts(ids, offsets, vocab_size, window=window, distance_weighting=distance_weighting)
        total = part if total is None else total + part
    if total is None:
        raise ValueError("parts must hold at least one (ids, offsets) pair, got none")
    return total


def _sum_pairs(rows: Ids, columns: Ids, weight: float, height: int, width: int) -> csr_matrix:
    """Sparse (height, width) matrix of the weighted number of times each pair occurs."""
    values = np.full(len(rows), weight)
    return coo_matrix((values, (rows, columns)), shape=(height, width)).tocsr()


def _check(ids: ArrayLike, offsets: ArrayLike, vocab_size: int) -> tuple[Ids, Ids]:
    """Both as arrays, or an error that says which one is wrong."""
    ids, offsets = np.asarray(ids), np.asarray(offsets)
    if vocab_size < 1:
        raise ValueError(f"vocab_size must be at least 1, got {vocab_size}")
    if ids.ndim != 1 or ids.size == 0:
        raise ValueError(f"ids must be a non-empty (T,) array (an empty text?), got shape {ids.shape}")
    if not np.issubdtype(ids.dtype, np.integer) or not np.issubdtype(offsets.dtype, np.integer):
        raise ValueError(f"ids and offsets must be integers, got {ids.dtype} and {offsets.dtype}")
    if ids.min() < -1 or ids.max() >= vocab_size:
        raise ValueError(f"ids must lie in -1..{vocab_size - 1}, got {ids.min()}..{ids.max()}")
    if offsets.ndim != 1 or len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(ids):
        raise ValueError(f"offsets must run from 0 to the text's length {len(ids)}, got {offsets}")
    if (np.diff(offsets) < 0).any():
        raise ValueError("offsets must never fall, got a falling step")
    return ids, offsets
