"""BPEmb: embeddings trained on the pieces of words, so that every word has a vector.

Heinzerling and Strube 2018, "BPEmb: Tokenization-free Pre-trained Subword Embeddings in 275 Languages",
arXiv:1710.02187. A text is cut by BPE, an ordinary embedding method learns one vector a piece, and a word is
the mean of its pieces. The paper trains GloVe on Wikipedia; here it is skip-gram with negative sampling.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch

from course_lib.embeddings import word2vec
from course_lib.embeddings.vectors import WordVectors
from course_lib.embeddings.word2vec_config import Word2VecConfig
from course_lib.text.bpe import BPE
from course_lib.text.vocab import Vocabulary


class PieceVectors:
    """A tokenizer and a vector for each piece that training saw.

    Args:
        tokenizer: cuts words.
        vectors: piece -> vector.
    """

    def __init__(self, tokenizer: BPE, vectors: WordVectors) -> None:
        self.tokenizer = tokenizer
        self.vectors = vectors

    def pieces(self, word: str) -> list[str]:
        """The word's pieces that have a vector."""
        return [self.tokenizer.vocab[i] for i in self._ids(word) if self.tokenizer.vocab[i] in self.vectors]

    def vector(self, word: str) -> np.ndarray:
        """The mean of the pieces' vectors, (E,) float32; zero if no piece has one."""
        rows = [self.vectors.vector(piece) for piece in self.pieces(word)]
        # v(w) = 1/n · Σ v(piece)
        return np.mean(rows, axis=0) if rows else np.zeros(self.vectors.matrix.shape[1], dtype=np.float32)

    def table(self, words: Sequence[str]) -> WordVectors:
        """The vectors of many words, seen in training or not, to compare with any other embedding."""
        return WordVectors(words, np.stack([self.vector(word) for word in words]))

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write `bpe.json` and `vectors.txt` into a folder, which is made if it is missing."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        self.tokenizer.save(Path(folder, "bpe.json"))
        self.vectors.save(Path(folder, "vectors.txt"))

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> "PieceVectors":
        """Read what `save` wrote.

        Raises:
            ValueError: if one of the two files is damaged, or the vectors are not the tokenizer's.
        """
        tokenizer = BPE.load(Path(folder, "bpe.json"))
        vectors = WordVectors.load(Path(folder, "vectors.txt"))
        strangers = [word for word in vectors.words if word not in tokenizer.index]
        if strangers:
            raise ValueError(f"{folder}: vectors must be of the tokenizer's pieces, got {strangers[0]!r}")
        return cls(tokenizer, vectors)

    def _ids(self, word: str) -> list[int]:
        return self.tokenizer.encode_word(word)


def train(
    sentences: Iterable[Sequence[str]],
    tokenizer: BPE,
    config: Word2VecConfig | None = None,
    *,
    device: str | torch.device = "cpu",
    on_progress: Callable[[word2vec.Word2Vec, word2vec.Progress], None] | None = None,
) -> PieceVectors:
    """Learn vectors for the pieces of tokenised sentences.

    Args:
        sentences: lists of words.
        tokenizer: a learned BPE.
        config: of word2vec; its window counts pieces.
        device: where to train.
        on_progress: as in `word2vec.train`.
    Raises:
        ValueError: if the sentences hold fewer than two different pieces.
    """
    cut = [[i for word in sentence for i in tokenizer.encode_word(word)] for sentence in sentences]
    unknown = tokenizer.index.get(tokenizer.config.special[0], -1) if tokenizer.config.special else -1
    named = ([tokenizer.vocab[i] for i in sentence if i != unknown] for sentence in cut)
    vocabulary = Vocabulary.from_sentences(named)
    remap = np.array([vocabulary.index.get(piece, -1) for piece in tokenizer.vocab], dtype=np.int64)
    source = [np.array(sentence, dtype=np.int64) for sentence in cut if sentence]
    model = word2vec.train(source, vocabulary, config, device=device, remap=remap, on_progress=on_progress)
    return PieceVectors(tokenizer, model.vectors())
