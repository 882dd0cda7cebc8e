"""WordVectors: one row a word, looked up, compared, saved and loaded.

Cosine neighbours and the "a is to b as c is to ?" question follow Mikolov et al. 2013, "Linguistic
Regularities in Continuous Space Word Representations" (NAACL), the sum of unit vectors.
Files are word2vec's text format: a line `V E`, then a word and E numbers a line; gensim reads and
writes it too.
"""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from course_lib.files import atomic_write


class WordVectors:
    """Words and their vectors.

    Attributes:
        words: id -> word, V distinct strings.
        matrix: (V, E) float32.
        unit: (V, E) float32, each row divided by its length; a zero row stays zero.
        index: word -> id.
    """

    def __init__(self, words: Sequence[str], matrix: Any) -> None:
        """Keep the vectors as float32.

        Args:
            words: V distinct strings.
            matrix: (V, E) array or tensor of finite numbers.
        Raises:
            ValueError: if words repeat, shapes differ or a number is not finite.
        """
        if hasattr(matrix, "detach"):
            matrix = matrix.detach().cpu().numpy()
        self.words = list(words)
        self.matrix = np.ascontiguousarray(matrix, dtype=np.float32)
        self.index = {word: i for i, word in enumerate(self.words)}
        if self.matrix.ndim != 2 or len(self.matrix) != len(self.words):
            raise ValueError(f"matrix must have shape ({len(self.words)}, E), got {self.matrix.shape}")
        if len(self.index) != len(self.words):
            raise ValueError(f"words must be distinct, got {len(self.words) - len(self.index)} repeated")
        if not np.isfinite(self.matrix).all():
            raise ValueError("matrix must be finite, got NaN or infinity")
        self.unit = unit_rows(self.matrix)

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.index

    def vector(self, word: str) -> np.ndarray:
        """The word's vector, (E,) float32."""
        return self.matrix[self._id(word)]

    def similarity(self, a: str, b: str) -> float:
        """Cosine of two words' vectors, in [-1, 1]; 0 where a vector is 0."""
        return float(self.unit[self._id(a)] @ self.unit[self._id(b)])

    def most_similar(self, word: str, n: int = 10) -> list[tuple[str, float]]:
        """The n nearest other words by cosine, nearest first."""
        i = self._id(word)
        return self._nearest(self.unit[i], n, leave_out=[i])

    def analogy(self, a: str, b: str, c: str, n: int = 1) -> list[tuple[str, float]]:
        """The n best answers to "a is to b as c is to ?", by cosine; the three words are no answers."""
        ids = [self._id(a), self._id(b), self._id(c)]
        # d ← argmax cos(d, b̂ − â + ĉ)
        query = unit_rows((self.unit[ids[1]] - self.unit[ids[0]] + self.unit[ids[2]])[None])[0]
        return self._nearest(query, n, leave_out=ids)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write word2vec's text format; nine digits, so that float32 comes back bit for bit.

        Raises:
            ValueError: if a word is empty, holds whitespace or has no UTF-8 form; nothing is written then.
        """
        for word in self.words:
            _check_storable(word)
        line = " ".join(["%.9g"] * self.matrix.shape[1])
        with atomic_write(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(f"{len(self)} {self.matrix.shape[1]}\n")
            for word, row in zip(self.words, self.matrix.tolist(), strict=True):
                file.write(f"{word} {line % tuple(row)}\n")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "WordVectors":
        """Read word2vec's text format.

        Raises:
            ValueError: if the file is truncated, malformed or no UTF-8; the message names file and line.
        """
        with open(path, "rb") as file:
            size, width = _header(file.readline(), path)
            words: list[str] = []
            rows: list[np.ndarray] = []
            for number, line in enumerate(file, start=2):
                if number > size + 1:
                    raise ValueError(f"{path}: line 1 promises {size} words, but line {number} follows")
                word, row = _parse(line, width, f"{path}, line {number}")
                words.append(word)
                rows.append(row)
        if len(words) != size:
            raise ValueError(f"{path}: truncated: line 1 promises {size} words, {len(words)} came")
        return cls(words, np.stack(rows) if rows else np.zeros((0, width), dtype=np.float32))

    def _id(self, word: str) -> int:
        if word not in self.index:
            raise ValueError(f"word must be in the vocabulary of {len(self)} words, got {word[:50]!r}")
        return self.index[word]

    def _nearest(self, query: np.ndarray, n: int, leave_out: Sequence[int]) -> list[tuple[str, float]]:
        """Words by falling cosine with a unit vector (E,)."""
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        scores = self.unit @ query  # (V,)
        scores[list(leave_out)] = -np.inf
        best = np.argsort(-scores, kind="stable")[: min(n, len(self) - len(set(leave_out)))]
        return [(self.words[i], float(scores[i])) for i in best]


def unit_rows(matrix: np.ndarray) -> np.ndarray:
    """(N, E) rows divided by their length; zero rows stay zero."""
    length = np.linalg.norm(matrix, axis=1, keepdims=True)
    return matrix / np.where(length > 0, length, 1)


def _check_storable(word: str) -> None:
    if word.split() != [word]:
        raise ValueError(f"a word in a text file must be without whitespace and not empty, got {word[:50]!r}")
    try:
        word.encode()
    except UnicodeEncodeError:
        raise ValueError(f"a word must have a UTF-8 form, got {word[:50]!r}") from None


def _header(line: bytes, path: str | os.PathLike[str]) -> tuple[int, int]:
    """V and E from the first line."""
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() for field in fields) or int(fields[1]) == 0:
        raise ValueError(f"{path}: line 1 must be 'V E' in word2vec's text format, got {line[:50]!r}")
    return int(fields[0]), int(fields[1])


def _parse(line: bytes, width: int, where: str) -> tuple[str, np.ndarray]:
    """A word and its (E,) float32 vector from one line, which must end: a cut number is still a number."""
    fields = line.rstrip(b" \r\n").split(b" ")
    if not line.endswith(b"\n") or len(fields) != width + 1:
        raise ValueError(f"{where}: must be a word, {width} numbers and a line end, got {line[:50]!r}")
    try:
        return fields[0].decode(), np.array(fields[1:], dtype=np.float64).astype(np.float32)
    except ValueError as error:  # includes UnicodeDecodeError
        raise ValueError(f"{where}: must be UTF-8 and numbers: {error}") from None
