"""Text as a stream of ids: parts of any size, whole sentences, frequent words thinned out.

The trainers see pieces of about a million tokens at a time, so a text of any length needs the memory of one
piece. A window never reaches into another sentence, because each token carries its sentence's number.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

Part = tuple[np.ndarray, np.ndarray]
Source = Any  # see `parts`
PIECE_TOKENS = 1 << 20


class Piece(NamedTuple):
    """Kept tokens in order: ids (N,) int64; sentence (N,) int64 numbers; seen, tokens before thinning."""

    ids: np.ndarray
    sentence: np.ndarray
    seen: int


def parts(source: Source) -> Iterator[Part]:
    """Go once through a text as (ids (T,), sentence offsets (S+1,)) pairs.

    Args:
        source: one of
            an object with `ids` and `sentences` (a generated corpus), or a tuple (ids, offsets);
            an iterable of those, or of one-dimensional id arrays, each a sentence;
            a function without arguments that returns any of these (for a stream read more than once).
    Raises:
        ValueError: if an item is none of these.
    """
    if callable(source):
        source = source()
    if _is_part(source):
        yield _part(source)
        return
    if isinstance(source, str) or not isinstance(source, Iterable):
        raise ValueError(
            f"source must be ids with sentence offsets or an iterable, got {type(source).__name__}"
        )
    waiting: list[np.ndarray] = []
    tokens = 0
    for item in source:
        if _is_part(item):
            yield _part(item)
            continue
        sentence = _integers(item, "a sentence")
        waiting.append(sentence)
        tokens += len(sentence)
        if tokens >= PIECE_TOKENS:
            yield _gather(waiting)
            waiting, tokens = [], 0
    if waiting:
        yield _gather(waiting)


def pieces(
    source: Source, keep: np.ndarray, rng: np.random.Generator, remap: np.ndarray | None = None
) -> Iterator[Piece]:
    """Thin out frequent words and drop ids below 0; pieces hold whole sentences and about a million tokens.

    Args:
        source: as for `parts`.
        keep: (V,) chance of each word to be kept.
        rng: where the thinning's randomness comes from.
        remap: source id -> vocabulary id or −1, (n,), when the source has another numbering.
    Raises:
        ValueError: if an id has no word.
    """
    for ids, offsets in parts(source):
        for start, stop in _cuts(offsets):
            tokens = ids[offsets[start] : offsets[stop]].astype(np.int64)
            lengths = np.diff(offsets[start : stop + 1])
            yield _thin(tokens, np.repeat(np.arange(start, stop), lengths), keep, rng, remap)


def passes(source: Source, epochs: int) -> Callable[[], Source]:
    """A function that gives the source anew for each epoch.

    Raises:
        ValueError: if the source is a one-way iterator and more than one epoch is wanted.
    """
    if hasattr(source, "__next__") and epochs > 1:
        raise ValueError(
            f"source must be readable {epochs} times, got an iterator: give a list or a function"
        )
    return source if callable(source) else lambda: source


def _thin(
    tokens: np.ndarray,
    sentence: np.ndarray,
    keep: np.ndarray,
    rng: np.random.Generator,
    remap: np.ndarray | None,
) -> Piece:
    size = len(keep) if remap is None else len(remap)
    if len(tokens) and tokens.max() >= size:
        raise ValueError(f"source ids must be below {size}, got {tokens.max()}")
    if remap is not None:
        tokens = np.where(tokens >= 0, remap[np.maximum(tokens, 0)], -1).astype(np.int64)
        if len(tokens) and tokens.max() >= len(keep):
            raise ValueError(f"remap must lead to ids below {len(keep)}, got {tokens.max()}")
    known = tokens >= 0
    chosen = known & (rng.random(len(tokens)) < np.append(keep, 0.0)[np.maximum(tokens, -1)])
    return Piece(tokens[chosen], sentence[chosen], int(known.sum()))


def _cuts(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    """Ranges of sentences with about PIECE_TOKENS tokens each, at least one sentence."""
    start, last = 0, len(offsets) - 1
    while start < last:
        stop = int(np.searchsorted(offsets, offsets[start] + PIECE_TOKENS, side="right")) - 1
        stop = max(stop, start + 1)  # a sentence is never cut
        yield start, stop
        start = stop


def _is_part(item: Any) -> bool:
    if hasattr(item, "ids") and hasattr(item, "sentences"):
        return True
    return isinstance(item, tuple) and len(item) == 2 and all(isinstance(x, np.ndarray) for x in item)


def _part(item: Any) -> Part:
    ids, offsets = (item.ids, item.sentences) if hasattr(item, "ids") else item
    ids, offsets = _integers(ids, "ids"), _integers(offsets, "offsets").astype(np.int64)
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(ids) or (np.diff(offsets) < 0).any():
        raise ValueError(f"offsets must rise from 0 to the number of tokens, {len(ids)}")
    return ids, offsets


def _integers(item: Any, name: str) -> np.ndarray:
    array = np.asarray(item)
    if array.size == 0 and array.ndim == 1:
        return array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise ValueError(
            f"{name} must be one-dimensional integers (encode words with a Vocabulary), "
            f"got shape {array.shape} of {array.dtype}"
        )
    return array


def _gather(sentences: list[np.ndarray]) -> Part:
    offsets = np.zeros(len(sentences) + 1, dtype=np.int64)
    np.cumsum([len(sentence) for sentence in sentences], out=offsets[1:])
    return np.concatenate(sentences), offsets
