"""Byte-pair encoding: a vocabulary between characters and words.

Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
arXiv:1508.07909, Algorithm 1; the byte level is Radford et al. 2019 (GPT-2). Learning starts from single
characters and joins the most frequent pair of neighbours again and again; encoding replays the joins in the
order learned.
Ties go to the pair with the smaller ids, as in Hugging Face tokenizers, and an overlapping run ("aaa") counts
each neighbouring pair. Left out: dropout of merges, and splitting below a frequency threshold at encoding.
"""

import heapq
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from course_lib.text import store
from course_lib.text.tokenise import byte_symbols, splitter

Pair = tuple[int, int]


@dataclass(frozen=True)
class BPEConfig:
    """What a vocabulary is learned with.

    Attributes:
        vocab_size: symbols in all: special ones, characters, and one for each new merge.
        min_frequency: a pair seen less often is never merged.
        level: "character" or "byte".
        end_of_word: suffix of a word's last symbol at character level; "" for none.
        words: which splitter of `course_lib.text.tokenise` runs first; "" takes the level's own
            ("whitespace" for characters; "gpt2" for bytes, which the lossless round trip needs).
        special: symbols that come first; at character level the first is the unknown one.
    """

    vocab_size: int = 1000
    min_frequency: int = 1
    level: str = "character"
    end_of_word: str = "</w>"
    words: str = ""
    special: tuple[str, ...] = ("<unk>",)

    def __post_init__(self) -> None:
        if self.level not in ("character", "byte"):
            raise ValueError(f"level must be 'character' or 'byte', got {self.level!r}")
        if self.vocab_size < 1:
            raise ValueError(f"vocab_size must be at least 1, got {self.vocab_size}")
        if self.level == "character" and not self.special:
            raise ValueError("special must name the unknown symbol at character level, got none")
        if len(set(self.special)) != len(self.special):
            raise ValueError(f"special must hold different symbols, got {self.special}")
        splitter(self.splitter)

    @property
    def splitter(self) -> str:
        """The name of the splitter in use."""
        return self.words or ("gpt2" if self.level == "byte" else "whitespace")

    @property
    def suffix(self) -> str:
        """What ends a word's last symbol in this level."""
        return self.end_of_word if self.level == "character" else ""


def merge_word(word: list[int], pair: Pair, new: int) -> tuple[list[int], list[tuple[Pair, int]]]:
    """Join `pair` everywhere in `word`, from left to right.

    Returns:
        The new word, and by how much each neighbouring pair's count changes: a list of (pair, -1 or +1).
    """
    merged: list[int] = []
    changes: list[tuple[Pair, int]] = []
    i = 0
    while i < len(word):
        if word[i] == pair[0] and i + 1 < len(word) and word[i + 1] == pair[1]:
            if merged:
                changes += [((merged[-1], pair[0]), -1), ((merged[-1], new), 1)]
            if i + 2 < len(word):
                changes += [((pair[1], word[i + 2]), -1), ((new, word[i + 2]), 1)]
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged, changes


def learn_merges(
    words: Sequence[Sequence[str]],
    counts: Sequence[int],
    symbols: Sequence[str],
    vocab_size: int,
    *,
    min_frequency: int = 1,
    prefix: str = "",
) -> tuple[list[tuple[str, str]], list[str]]:
    """Algorithm 1 of the paper, with the pair counts kept up to date instead of counted anew.

    A heap holds every pair with the words it stood in. Counts only move in words that hold the merged pair,
    and a stale heap entry gets its present count when it comes up, so a merge costs what it changes.

    Args:
        words: each different word as a list of symbols; all of them in `symbols`.
        counts: how often each word was seen.
        symbols: the vocabulary to start from; a symbol's place is its id, and ids break ties.
        vocab_size: stop when there are as many symbols.
        min_frequency: stop when the most frequent pair is rarer.
        prefix: what marks a symbol inside a word ("##"); the right part of a merge loses it.
    Returns:
        The merges as pairs of symbols in the order learned, and the vocabulary with the new symbols at its
        end.
    """
    names = list(symbols)
    index = {name: i for i, name in enumerate(names)}
    spelled = [[index[symbol] for symbol in word] for word in words]
    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(spelled):
        for pair in pairwise(word):
            pair_counts[pair] += counts[i]
            where[pair].add(i)
    heap = [(-pair_counts[pair], pair, places) for pair, places in where.items()]
    heapq.heapify(heap)
    merges: dict[Pair, None] = {}
    while heap and len(names) < vocab_size:
        negative, pair, places = heapq.heappop(heap)
        count = pair_counts[pair]
        if -negative != count:  # out of date: back with the count of now
            heapq.heappush(heap, (-count, pair, places))
            continue
        if count < max(1, min_frequency):
            break
        # pair* ← argmax over pairs of count(pair)   (Alg. 1: best = max(pairs, key=pairs.get))
        joined = names[pair[0]] + names[pair[1]].removeprefix(prefix)
        new = index.setdefault(joined, len(names))
        if new == len(names):
            names.append(joined)
        merges.pop(
            pair, None
        )  # a pair that comes up again (its symbol has a second spelling) keeps the later rank
        merges[pair] = None
        touched: defaultdict[Pair, set[int]] = defaultdict(set)
        for i in places:
            spelled[i], changes = merge_word(spelled[i], pair, new)
            for neighbour, change in changes:
                pair_counts[neighbour] += change * counts[i]
                if change > 0:
                    touched[neighbour].add(i)
        for neighbour, new_places in touched.items():
            if pair_counts[neighbour] > 0:
                heapq.heappush(heap, (-pair_counts[neighbour], neighbour, new_places))
    return [(names[a], names[b]) for a, b in merges], names


def apply_merges(word: Sequence[int], ranks: Mapping[Pair, tuple[int, int]]) -> list[int]:
    """Encode one word: of the pairs present, always join the one learned first, the leftmost of equals.

    A heap over a doubly linked list makes a word of n symbols cost O(n log n), so a word of 10,000
    characters is no problem.

    Args:
        word: ids of the single characters.
        ranks: pair of ids -> (rank, id of the joined symbol).
    """
    ids = list(word)
    after = [*range(1, len(ids)), -1]
    before = list(range(-1, len(ids) - 1))
    heap = [(*ranks[pair], i, pair) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
    heapq.heapify(heap)
    while heap:
        _, new, i, pair = heapq.heappop(heap)
        j = after[i]
        if j < 0 or (ids[i], ids[j]) != pair:  # one of the two has been joined to something else
            continue
        ids[i], ids[j] = new, -1
        after[i] = after[j]
        if after[j] >= 0:
            before[after[j]] = i
        after[j] = -1
        for left, right in ((before[i], i), (i, after[i])):
            if left >= 0 and right >= 0 and (fresh := (ids[left], ids[right])) in ranks:
                heapq.heappush(heap, (*ranks[fresh], left, fresh))
    return [i for i in ids if i >= 0]


class BPE:
    """A learned vocabulary: text to pieces to ids and back.

    Args:
        vocab: the symbols; a symbol's place is its id.
        merges: pairs of symbols in the order learned.
        config: what they were learned with.
    Raises:
        ValueError: if a symbol is repeated or a merge names one that is not in `vocab`.
    """

    def __init__(self, vocab: Sequence[str], merges: Sequence[tuple[str, str]], config: BPEConfig) -> None:
        self.vocab = list(vocab)
        self.merges = [(a, b) for a, b in merges]
        self.config = config
        self.index = {symbol: i for i, symbol in enumerate(self.vocab)}
        if len(self.index) != len(self.vocab):
            raise ValueError("vocab must hold each symbol once, got a repeated one")
        try:
            self._ranks = {
                (self.index[a], self.index[b]): (rank, self.index[a + b])
                for rank, (a, b) in enumerate(self.merges)
            }
            self._unknown = self.index[config.special[0]] if config.level == "character" else -1
        except KeyError as error:
            raise ValueError(f"vocab must hold the parts of every merge, but lacks {error}") from None
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def learn(cls, texts: Iterable[str], config: BPEConfig | None = None) -> "BPE":
        """Learn from texts; their order does not matter.

        Raises:
            ValueError: if the texts hold no word.
        """
        config = config or BPEConfig()
        split = splitter(config.splitter)
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(split(text))
        return cls.learn_counts(counts, config)

    @classmethod
    def learn_counts(cls, counts: Mapping[str, int], config: BPEConfig) -> "BPE":
        """Learn from words and how often each was seen."""
        counts = {word: count for word, count in counts.items() if word and count > 0}
        if not counts:
            raise ValueError("texts must hold at least one word, got none")
        words = sorted(counts)
        spelled = [_symbols(word, config) for word in words]
        plain = (
            byte_symbols() if config.level == "byte" else {character for word in words for character in word}
        )
        ended = {word[-1] for word in spelled} - set(plain)
        start = [*config.special, *sorted({*plain} - {*config.special}), *sorted(ended - {*config.special})]
        merges, vocab = learn_merges(
            spelled, [counts[w] for w in words], start, config.vocab_size, min_frequency=config.min_frequency
        )
        return cls(vocab, merges, config)

    def __len__(self) -> int:
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces; a character that was never seen gives the unknown id (never at byte level)."""
        ids: list[int] = []
        for word in splitter(self.config.splitter)(text):
            ids += self.encode_word(word)
        return ids

    def encode_word(self, word: str) -> list[int]:
        """Ids of one word that the splitter made."""
        if word not in self._cache:
            if len(self._cache) >= 100_000:
                self._cache.clear()
            symbols = [self.index.get(symbol, self._unknown) for symbol in _symbols(word, self.config)]
            self._cache[word] = apply_merges(symbols, self._ranks)
        return list(self._cache[word])

    def pieces(self, text: str) -> list[str]:
        """The pieces as strings; at byte level in GPT-2's printable byte characters."""
        return [self.vocab[i] for i in self.encode(text)]

    def decode(self, ids: Iterable[int], *, errors: str = "replace") -> str:
        """Text from ids: at byte level exactly what was encoded; at character level one space between words.

        Args:
            ids: the pieces.
            errors: what bytes become that are not valid UTF-8, as in `bytes.decode`: an incomplete list of
                ids
                gives U+FFFD by default; "surrogateescape" gives back bytes that were read with it.

        Raises:
            ValueError: if an id is outside the vocabulary.
        """
        try:
            joined = "".join(self.vocab[_checked(i)] for i in ids)
        except IndexError:
            raise ValueError(f"ids must lie in 0..{len(self) - 1}, got one outside") from None
        if self.config.level == "character":
            return (
                joined.replace(self.config.end_of_word, " ").rstrip(" ")
                if self.config.end_of_word
                else joined
            )
        values = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
        return bytes(values[c] for c in joined if c in values).decode("utf-8", errors=errors)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write vocabulary, merges and configuration to one checked file."""
        merges = [[a, b] for a, b in self.merges]
        config = {**asdict(self.config), "special": list(self.config.special)}
        store.save(path, "bpe", {"config": config, "vocab": self.vocab, "merges": merges})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "BPE":
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is truncated, altered or of another kind.
        """
        content: dict[str, Any] = store.load(path, "bpe")
        config = BPEConfig(**{**content["config"], "special": tuple(content["config"]["special"])})
        return cls(content["vocab"], [(a, b) for a, b in content["merges"]], config)


def _symbols(word: str, config: BPEConfig) -> list[str]:
    if config.level == "byte":
        names = byte_symbols()
        return [names[byte] for byte in word.encode("utf-8", errors="surrogateescape")]
    return [*word[:-1], word[-1] + config.suffix] if word else []


def _checked(index: int) -> int:
    if index < 0:
        raise IndexError
    return index
