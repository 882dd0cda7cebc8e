"""Byte-pair encoding as a tokenizer: character level with an end-of-word mark, and byte level.

Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
arXiv:1508.07909; the byte level is Radford et al. 2019 (GPT-2), which knows all 256 bytes and so has no
unknown symbol. The two algorithms are in `course_lib.text.merges`; here are the vocabulary, text in and out,
and files. Left out: dropout of merges, and splitting below a frequency threshold at encoding.
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from course_lib.text import store
from course_lib.text.merges import apply_merges, learn_merges
from course_lib.text.tokenise import byte_symbols, splitter


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
            ValueError: if the texts hold no word, or are one string.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be a list of texts, got the string {texts[:50]!r}")
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
