"""Vocabulary: words and ids, both ways, with counts.

Ids follow falling frequency, as in word2vec's own vocabulary, so that id 0 is the most frequent word.
Words of equal count keep the order in which the text first shows them, so the same text always gives
the same ids.
There is no unknown word unless you name one: a word outside the vocabulary is left out, as word2vec does.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np


class Vocabulary:
    """A list of distinct words; a word's position is its id.

    Attributes:
        words: id -> word, V of them.
        counts: (V,) int64, how often each word was seen.
        index: word -> id.
    """

    def __init__(self, words: Sequence[str], counts: Sequence[int] | np.ndarray | None = None) -> None:
        """Take the words as they are ordered.

        Args:
            words: distinct strings.
            counts: (V,) non-negative; every word counts 1 when left out.
        Raises:
            ValueError: if a word is repeated or is no string, or the counts do not fit the words.
        """
        self.words = list(words)
        self.index = {word: i for i, word in enumerate(self.words)}
        self.counts = _checked_counts(counts, len(self.words))
        if len(self.index) != len(self.words):
            repeated = next(word for word, n in Counter(self.words).items() if n > 1)
            raise ValueError(f"words must be distinct, but {repeated[:50]!r} is repeated")
        for word in self.words:
            if not isinstance(word, str):
                raise ValueError(f"words must be strings, got {word!r}")

    @classmethod
    def from_sentences(
        cls, sentences: Iterable[Sequence[str]], min_count: int = 1, max_size: int | None = None
    ) -> "Vocabulary":
        """Count the words of tokenised sentences, which may be a stream.

        Args:
            sentences: lists of words (not one string, whose items would be letters).
            min_count: words seen less often are left out.
            max_size: keep at most this many, the most frequent.
        """
        counter: Counter[str] = Counter()
        for sentence in sentences:
            if isinstance(sentence, str):
                raise ValueError(f"sentences must be lists of words, got the string {sentence[:50]!r}")
            counter.update(sentence)
        return cls.from_counts(counter, min_count, max_size)

    @classmethod
    def from_counts(
        cls, counts: Mapping[str, int], min_count: int = 1, max_size: int | None = None
    ) -> "Vocabulary":
        """Sort counted words by falling count; ties keep the mapping's order. Arguments as above."""
        if min_count < 1:
            raise ValueError(f"min_count must be at least 1, got {min_count}")
        if max_size is not None and max_size < 1:
            raise ValueError(f"max_size must be at least 1, got {max_size}")
        kept = sorted(((w, n) for w, n in counts.items() if n >= min_count), key=lambda item: -item[1])
        kept = kept[:max_size]
        return cls([word for word, _ in kept], [n for _, n in kept])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def encode(self, words: Iterable[str], unknown: int | None = None) -> np.ndarray:
        """Ids of the words, int32.

        Args:
            words: any words.
            unknown: the id of words outside the vocabulary; they are left out when it is None.
        """
        if unknown is None:
            ids = [self.index[word] for word in words if word in self.index]
        else:
            ids = [self.index.get(word, unknown) for word in words]
        return np.array(ids, dtype=np.int32)

    def encode_sentences(self, sentences: Iterable[Sequence[str]]) -> tuple[np.ndarray, np.ndarray]:
        """All sentences as one array of ids (T,) int32 and their offsets (S+1,) int64 into it.

        Unknown words are left out; a sentence with no known word becomes empty.
        """
        parts = [self.encode(sentence) for sentence in sentences]
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([len(part) for part in parts], out=offsets[1:])
        ids = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int32)
        return ids, offsets

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Words of the ids.

        Raises:
            ValueError: if an id is outside 0..V-1.
        """
        numbers = [int(i) for i in ids]
        for i in numbers:
            if not 0 <= i < len(self):
                raise ValueError(f"ids must be within 0..{len(self) - 1}, got {i}")
        return [self.words[i] for i in numbers]

    def remap(self, words: Sequence[str]) -> np.ndarray:
        """For another numbering of words, its id -> this vocabulary's id, or -1: (len(words),) int32.

        `vocabulary.remap(language.forms)[corpus.ids]` turns a corpus's ids into this vocabulary's.
        """
        return self.encode(words, unknown=-1)


def _checked_counts(counts: Sequence[int] | np.ndarray | None, size: int) -> np.ndarray:
    """(V,) int64 counts, or ones."""
    if counts is None:
        return np.ones(size, dtype=np.int64)
    array = np.asarray(counts)
    if array.shape != (size,) and not (size == 0 and array.size == 0):
        raise ValueError(f"counts must have shape ({size},), got {array.shape}")
    array = array.astype(np.int64).reshape(size)
    if size and array.min() < 0:
        raise ValueError(f"counts must not be negative, got {array.min()}")
    return array
