"""Character n-grams and their hashes, as fastText computes them.

Bojanowski et al. 2017, "Enriching Word Vectors with Subword Information", arXiv:1607.04606, section 3.2,
with the hash of the released program: 32-bit FNV-1a over the UTF-8 bytes of the n-gram.
The released program reads each byte as a *signed* number, so a byte above 127 (any Chinese character)
flips the upper 24 bits as well. Published fastText vectors depend on this, so it is kept here.
All words are hashed together: the loops below run over n and over byte positions, never over words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

FNV_OFFSET, FNV_PRIME = 2166136261, 16777619
WORD_NGRAM_PRIME = 116049371  # the released program's multiplier for n-grams of words


@dataclass(frozen=True)
class Rows:
    """Lists of numbers of unequal length, one list an item, stored end to end.

    Args:
        values: (R,) int64, all lists one after the other.
        offsets: (N + 1,) int64, where each list begins; the last entry is R.
    """

    values: np.ndarray
    offsets: np.ndarray

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, item: int) -> np.ndarray:
        """The list of one item, (length,) int64."""
        return self.values[self.offsets[item] : self.offsets[item + 1]]

    @cached_property
    def lengths(self) -> np.ndarray:
        """(N,) how long each list is."""
        return np.diff(self.offsets)

    def take(self, items: np.ndarray) -> "Rows":
        """The lists of several items, in the order asked for.

        Args:
            items: (M,) integers in [0, N).
        """
        lengths = self.lengths[items]
        offsets = _starts(lengths)
        # position of each number inside its own list, added to where that list begins
        inside = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
        return Rows(self.values[np.repeat(self.offsets[:-1][items], lengths) + inside], offsets)

    def join(self, other: "Rows") -> "Rows":
        """Each item's list followed by the same item's list in `other`."""
        owner = np.concatenate([_owners(self), _owners(other)])
        order = np.argsort(owner, kind="stable")
        values = np.concatenate([self.values, other.values])[order]
        return Rows(values, _starts(self.lengths + other.lengths))


def ngrams(word: str, min_n: int = 3, max_n: int = 6) -> list[str]:
    """The character n-grams of <word>, from left to right and from short to long.

    The marks < and > are part of the word, so that "<her" (a beginning) differs from "her" inside "where".
    A mark alone is no n-gram. For min_n > max_n the list is empty.

    Raises:
        ValueError: if min_n < 1.
    """
    _check_lengths(min_n, max_n)
    marked = f"<{word}>"
    size = len(marked)
    spans = ((i, i + n) for i in range(size) for n in range(min_n, max_n + 1) if i + n <= size)
    return [marked[i:j] for i, j in spans if not (j - i == 1 and (i == 0 or j == size))]


def fnv1a(data: bytes) -> int:
    """fastText's 32-bit FNV-1a, written out for one byte string (the readable reference)."""
    h = FNV_OFFSET
    for byte in data:
        # h ← (h xor b) · prime  mod 2³²,  b sign-extended from 8 to 32 bits
        signed = byte - 256 if byte > 127 else byte
        h = ((h ^ (signed & 0xFFFFFFFF)) * FNV_PRIME) & 0xFFFFFFFF
    return h


def ngram_buckets(words: Sequence[str], min_n: int = 3, max_n: int = 6, buckets: int = 2_000_000) -> Rows:
    """The bucket of every character n-gram of every word.

    Args:
        words: N strings; any characters, the empty string and NUL included.
        min_n, max_n: shortest and longest n-gram, in characters, marks included.
        buckets: how many rows the n-grams share.
    Returns:
        Rows of N lists of numbers in [0, buckets), in the order of `ngrams`.
    Raises:
        ValueError: if min_n < 1, buckets < 1, or a word cannot be written in UTF-8.
    """
    _check_lengths(min_n, max_n)
    check_buckets(buckets)
    data, starts, word_of = _characters([f"<{word}>" for word in words])
    found = [_windows(data, starts, word_of, n) for n in range(min_n, max_n + 1)]
    if not found:
        return Rows(np.zeros(0, np.int64), np.zeros(len(words) + 1, np.int64))
    first, hashes, sizes = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((sizes, first))
    counts = np.bincount(word_of[first], minlength=len(words))
    return Rows((hashes[order] % np.uint32(buckets)).astype(np.int64), _starts(counts))


def word_hashes(words: Sequence[str]) -> np.ndarray:
    """FNV-1a of each whole word, (N,) uint32."""
    data, starts, word_of = _characters(words)
    first = np.searchsorted(word_of, np.arange(len(words) + 1))
    return _hash(data, starts[first[:-1]], starts[first[1:]])


def word_ngram_buckets(hashes: np.ndarray, offsets: np.ndarray, n: int, buckets: int) -> Rows:
    """The bucket of every run of 2 to n words inside each document.

    Args:
        hashes: (T,) uint32, `word_hashes` of the tokens of all documents, end to end.
        offsets: (D + 1,) where each document begins.
        n: longest run; 1 gives empty lists.
        buckets: how many rows the runs share.
    """
    check_buckets(buckets)
    document = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    # fastText reads the 32-bit hash as a signed number before it widens it to 64 bits
    signed = hashes.astype(np.uint32).view(np.int32).astype(np.int64).view(np.uint64)
    values, owners, h = [], [], signed
    for run in range(2, n + 1):
        size = max(len(signed) - run + 1, 0)
        # h(w₁…wₖ) ← h(w₁…wₖ₋₁) · 116049371 + h(wₖ)  mod 2⁶⁴
        h = h[:size] * np.uint64(WORD_NGRAM_PRIME) + signed[run - 1 :]
        inside = document[:size] == document[run - 1 :]
        values.append((h[inside] % np.uint64(buckets)).astype(np.int64))
        owners.append(document[:size][inside])
    if not values:
        return Rows(np.zeros(0, np.int64), np.zeros(len(offsets), np.int64))
    owner = np.concatenate(owners)
    order = np.argsort(owner, kind="stable")
    return Rows(np.concatenate(values)[order], _starts(np.bincount(owner, minlength=len(offsets) - 1)))


def check_buckets(buckets: int) -> None:
    """Raise ValueError unless `buckets` is a whole number in [1, 2³¹)."""
    if not isinstance(buckets, int | np.integer) or isinstance(buckets, bool) or not 1 <= buckets < 2**31:
        raise ValueError(f"buckets must be a whole number from 1 to 2**31 - 1, got {buckets!r}")


def _check_lengths(min_n: int, max_n: int) -> None:
    if min_n < 1:
        raise ValueError(f"min_n must be at least 1, got {min_n}")
    if max_n < 0:
        raise ValueError(f"max_n must be at least 0 (0 means no n-grams), got {max_n}")


def _starts(lengths: np.ndarray) -> np.ndarray:
    """(N + 1,) running sum that begins with 0."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _owners(rows: Rows) -> np.ndarray:
    return np.repeat(np.arange(len(rows)), rows.lengths)


def _characters(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bytes of all words; where each character begins, with the end appended; the word of each character."""
    try:
        data = np.frombuffer("".join(words).encode("utf-8"), np.uint8)
    except UnicodeEncodeError as error:
        bad = error.object[error.start]
        raise ValueError(f"words must be valid Unicode text, got the lone surrogate {bad!r}") from error
    # a byte of the form 10xxxxxx continues a character
    starts = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))
    word_of = np.repeat(np.arange(len(words)), np.array([len(word) for word in words], dtype=np.int64))
    return data, starts, word_of


def _windows(data: np.ndarray, starts: np.ndarray, word_of: np.ndarray, n: int) -> tuple[np.ndarray, ...]:
    """First character, hash and length of every window of n characters that stays inside one word."""
    first = np.arange(max(len(word_of) - n + 1, 0))
    first = first[word_of[first] == word_of[first + n - 1]]
    if n == 1:  # a mark alone is no n-gram
        edge = np.append(-1, word_of)[first] != word_of[first]
        edge |= np.append(word_of, -1)[first + 1] != word_of[first]
        first = first[~edge]
    return first, _hash(data, starts[first], starts[first + n]), np.full(len(first), n)


def _hash(data: np.ndarray, begin: np.ndarray, end: np.ndarray) -> np.ndarray:
    """FNV-1a of many byte ranges at once, (N,) uint32: one pass for each byte position."""
    signed = data.view(np.int8).astype(np.int32).view(np.uint32)
    h = np.full(len(begin), FNV_OFFSET, np.uint32)
    alive = np.flatnonzero(begin < end)
    step = 0
    while len(alive):
        h[alive] = (h[alive] ^ signed[begin[alive] + step]) * np.uint32(FNV_PRIME)
        step += 1
        alive = alive[begin[alive] + step < end[alive]]
    return h
