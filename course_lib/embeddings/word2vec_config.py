"""The settings of word2vec, checked.

Mikolov et al. 2013, arXiv:1301.3781 and arXiv:1310.4546; defaults of word2vec's program where it has them.
"""

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Word2VecConfig:
    """Settings; the defaults are those of word2vec's program where it has them.

    Attributes:
        architecture: "skipgram" or "cbow".
        objective: "negative", "softmax" or "hierarchical".
        size: E, width of the vectors.
        window: largest reach to each side; each centre draws its own from 1..window.
        negative: k, noise words a pair.
        noise_power: exponent of the unigram distribution that noise words are drawn from.
        subsample: t of `keep_probability`; 0 keeps every token.
        learning_rate, min_learning_rate: the step falls in a line from one to the other.
        epochs: passes over the text.
        batch_tokens: centres a step; None chooses by objective, vocabulary and device.
        block: centres that share noise words (skip-gram with negative sampling only).
        shared_noise: noise words drawn a block; 0 draws k for each pair instead.
        limit: the most that step size times terms of one word may be in one step (`rows`).
        seed: of vectors, windows, subsampling and noise.
    """

    architecture: Literal["skipgram", "cbow"] = "skipgram"
    objective: Literal["negative", "softmax", "hierarchical"] = "negative"
    size: int = 100
    window: int = 5
    negative: int = 5
    noise_power: float = 0.75
    subsample: float = 1e-3
    learning_rate: float = 0.025
    min_learning_rate: float = 1e-4
    epochs: int = 5
    batch_tokens: int | None = None
    block: int = 16
    shared_noise: int = 32
    limit: float = 3.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that cannot work, by name."""
        _one_of("architecture", self.architecture, ("skipgram", "cbow"))
        _one_of("objective", self.objective, ("negative", "softmax", "hierarchical"))
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not (low <= value <= high):
                raise ValueError(f"{name} must be within {low}..{high}, got {value}")
        if self.min_learning_rate > self.learning_rate:
            raise ValueError(
                f"min_learning_rate must be at most {self.learning_rate}, got {self.min_learning_rate}"
            )

    @classmethod
    def tiny(cls) -> "Word2VecConfig":
        """The size used in tests."""
        return cls(size=16, window=2, epochs=1, subsample=0.0, batch_tokens=64, block=8, shared_noise=8)


_RANGES = [
    ("size", 1, 65_536),
    ("window", 1, 1000),
    ("negative", 1, 1000),
    ("noise_power", 0, 10),
    ("subsample", 0, 1),
    ("learning_rate", 0, math.inf),
    ("min_learning_rate", 0, math.inf),
    ("epochs", 1, 100_000),
    ("batch_tokens", 1, 1 << 24),
    ("block", 1, 4096),
    ("shared_noise", 0, 65_536),
    ("limit", 0, math.inf),
]


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
