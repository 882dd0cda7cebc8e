"""WordPiece: BERT's subwords, encoded by the longest match first.

Encoding is that of BERT (Devlin et al. 2019, arXiv:1810.04805): a piece inside a word starts with "##", and
a word that cannot be covered is one [UNK]. Google never published the trainer. Schuster and Nakajima 2012,
"Japanese and Korean Voice Search", join the pair that raises the training likelihood most; two readings:
`scoring="likelihood"` takes count(ab) / (count(a)·count(b)), the form that is usually quoted, and
`scoring="frequency"` takes count(ab), which is BPE with "##" and what Hugging Face's WordPieceTrainer does.
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from course_lib.text import store
from course_lib.text.merges import Pair, learn_merges, merge_word
from course_lib.text.tokenise import bert_words

PREFIX = "##"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class WordPieceConfig:
    """What a vocabulary is learned with.

    Attributes:
        vocab_size: symbols in all.
        min_frequency: a pair seen less often is never merged.
        scoring: "likelihood" or "frequency"; see the module's text.
        lower: lower-case and strip accents, as the uncased models do.
        special: symbols that come first; "[UNK]" is one of them.
        longest_word: a word of more characters is "[UNK]", as in BERT.
    """

    vocab_size: int = 1000
    min_frequency: int = 2
    scoring: str = "likelihood"
    lower: bool = True
    special: tuple[str, ...] = SPECIAL
    longest_word: int = 100

    def __post_init__(self) -> None:
        if self.scoring not in ("likelihood", "frequency"):
            raise ValueError(f"scoring must be 'likelihood' or 'frequency', got {self.scoring!r}")
        if self.vocab_size < 1:
            raise ValueError(f"vocab_size must be at least 1, got {self.vocab_size}")
        if "[UNK]" not in self.special:
            raise ValueError(f"special must hold '[UNK]', got {self.special}")


def learn_by_likelihood(
    words: Sequence[Sequence[str]],
    counts: Sequence[int],
    symbols: Sequence[str],
    vocab_size: int,
    *,
    min_frequency: int = 2,
) -> list[str]:
    """Join the pair with the highest count(ab) / (count(a)·count(b)); ties go to the smaller ids.

    A merge changes the score of every pair that shares a symbol with it, upwards too, so a lazy heap would
    be wrong; the scores are arrays over all pairs and each merge takes one pass over them.

    Args and stopping: as in `course_lib.text.merges.learn_merges`.
    Returns:
        The vocabulary with the new symbols at its end.
    """
    names = list(symbols)
    index = {name: i for i, name in enumerate(names)}
    spelled = [[index[symbol] for symbol in word] for word in words]
    single = np.zeros(max(vocab_size, len(names)) + 1)
    slots: dict[Pair, int] = {}
    parts = np.zeros((1024, 2), dtype=np.int64)
    together = np.zeros(1024)
    where: defaultdict[Pair, set[int]] = defaultdict(set)

    def add(pair: Pair, change: float) -> None:
        nonlocal parts, together
        slot = slots.setdefault(pair, len(slots))
        if slot == len(together):
            parts, together = np.concatenate([parts, np.zeros_like(parts)]), np.append(together, 0 * together)
        parts[slot] = pair
        together[slot] += change

    for i, word in enumerate(spelled):
        np.add.at(single, word, counts[i])
        for pair in pairwise(word):
            add(pair, counts[i])
            where[pair].add(i)
    while len(names) < vocab_size and slots:
        n = len(slots)
        allowed = together[:n] >= max(1, min_frequency)
        if not allowed.any():
            break
        # score(a, b) = count(ab) / (count(a)·count(b))
        scores = np.where(allowed, together[:n], 0) / np.maximum(single[parts[:n]].prod(1), 1)
        best = np.flatnonzero(scores == scores.max())
        left, right = min(map(tuple, parts[best].tolist()))
        joined = names[left] + names[right].removeprefix(PREFIX)
        new = index.setdefault(joined, len(names))
        if new == len(names):
            names.append(joined)
        for i in list(where.pop((left, right))):
            before = len(spelled[i])
            old, spelled[i] = spelled[i], merge_word(spelled[i], (left, right), new)[0]
            joins = (before - len(spelled[i])) * counts[i]
            single[[left]] -= joins
            single[[right]] -= joins
            single[new] += joins
            for pair in pairwise(old):
                add(pair, -counts[i])
            for pair in pairwise(spelled[i]):
                add(pair, counts[i])
                where[pair].add(i)
    return names


class WordPiece:
    """A learned vocabulary and the greedy encoder.

    Args:
        vocab: the symbols; a symbol's place is its id.
        config: what they were learned with.
    Raises:
        ValueError: if a symbol is repeated or "[UNK]" is missing.
    """

    def __init__(self, vocab: Sequence[str], config: WordPieceConfig | None = None) -> None:
        self.vocab = list(vocab)
        self.config = config or WordPieceConfig()
        self.index = {symbol: i for i, symbol in enumerate(self.vocab)}
        if len(self.index) != len(self.vocab):
            raise ValueError("vocab must hold each symbol once, got a repeated one")
        if "[UNK]" not in self.index:
            raise ValueError("vocab must hold '[UNK]', got none")
        self._longest_piece = max(len(symbol.removeprefix(PREFIX)) for symbol in self.vocab)

    @classmethod
    def learn(cls, texts: Iterable[str], config: WordPieceConfig | None = None) -> "WordPiece":
        """Learn from texts; their order does not matter.

        Raises:
            ValueError: if the texts hold no word, or are one string.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be a list of texts, got the string {texts[:50]!r}")
        config = config or WordPieceConfig()
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(bert_words(text, lower=config.lower))
        return cls.learn_counts(counts, config)

    @classmethod
    def learn_counts(cls, counts: Mapping[str, int], config: WordPieceConfig) -> "WordPiece":
        """Learn from words and how often each was seen."""
        words = sorted(word for word, count in counts.items() if word and count > 0)
        if not words:
            raise ValueError("texts must hold at least one word, got none")
        spelled = [[word[0], *(PREFIX + character for character in word[1:])] for word in words]
        plain = {character for word in words for character in word} - {*config.special}
        inner = {symbol for word in spelled for symbol in word[1:]}
        start = [*config.special, *sorted(plain), *sorted(inner)]
        numbers = [counts[word] for word in words]
        if config.scoring == "frequency":
            vocab = learn_merges(
                spelled, numbers, start, config.vocab_size, min_frequency=config.min_frequency, prefix=PREFIX
            )[1]
        else:
            vocab = learn_by_likelihood(
                spelled, numbers, start, config.vocab_size, min_frequency=config.min_frequency
            )
        return cls(vocab, config)

    def __len__(self) -> int:
        return len(self.vocab)

    def word_pieces(self, word: str) -> list[str]:
        """Longest match first, from the left; ["[UNK]"] if some part of the word matches nothing."""
        if len(word) > self.config.longest_word:
            return ["[UNK]"]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            for end in range(min(len(word), start + self._longest_piece), start, -1):
                piece = (PREFIX if start else "") + word[start:end]
                if piece in self.index:
                    pieces.append(piece)
                    start = end
                    break
            else:
                return ["[UNK]"]
        return pieces

    def pieces(self, text: str) -> list[str]:
        """The pieces as strings."""
        return [
            piece for word in bert_words(text, lower=self.config.lower) for piece in self.word_pieces(word)
        ]

    def encode(self, text: str) -> list[int]:
        """Ids of the pieces, without [CLS] and [SEP]."""
        return [self.index[piece] for piece in self.pieces(text)]

    def decode(self, ids: Iterable[int]) -> str:
        """Words joined by single spaces; what the basic tokenizer dropped is lost.

        Raises:
            ValueError: if an id is outside the vocabulary.
        """
        chosen = list(ids)
        if any(not 0 <= i < len(self) for i in chosen):
            raise ValueError(f"ids must lie in 0..{len(self) - 1}, got one outside")
        return "".join(
            self.vocab[i].removeprefix(PREFIX) if self.vocab[i].startswith(PREFIX) else f" {self.vocab[i]}"
            for i in chosen
        ).strip()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write vocabulary and configuration to one checked file."""
        config = {**asdict(self.config), "special": list(self.config.special)}
        store.save(path, "wordpiece", {"config": config, "vocab": self.vocab})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "WordPiece":
        """Read what `save` wrote.

        Raises:
            ValueError: if the file is truncated, altered or of another kind.
        """
        content = store.load(path, "wordpiece")
        return cls(
            content["vocab"],
            WordPieceConfig(**{**content["config"], "special": tuple(content["config"]["special"])}),
        )
