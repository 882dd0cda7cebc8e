"""What ELMo reads: a vector for each word, from a table or from the word's characters.

The character network is that of Peters et al. 2018, arXiv:1802.05365, section 3.4, after Kim et al. 2016,
arXiv:1508.06615: convolutions of several widths over the characters, the maximum over positions, highway
layers (Srivastava et al. 2015, arXiv:1505.00387), a projection. Characters are UTF-8 bytes.
Other than the authors' program, a window that starts in the padding never counts, so a word's vector does
not depend on how far it was padded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PAD, WORD_START, WORD_END, SENTENCE_START, SENTENCE_END = 0, 257, 258, 259, 260
"""Character ids that are no bytes; byte b has id b + 1."""
ALPHABET = 261
PAPER_FILTERS = ((1, 32), (2, 32), (3, 64), (4, 128), (5, 256), (6, 512), (7, 1024))


@dataclass(frozen=True)
class CharacterConfig:
    """Sizes of the character network; the defaults are the paper's.

    Attributes:
        output_size: E, width of a word's vector.
        character_size: width of a character's vector.
        filters: (width in characters, number of filters) of each convolution.
        highway_layers: after the maximum.
        max_characters: M, a longer word loses its end; the two word marks count.
    """

    output_size: int = 512
    character_size: int = 16
    filters: tuple[tuple[int, int], ...] = PAPER_FILTERS
    highway_layers: int = 2
    max_characters: int = 50

    def __post_init__(self) -> None:
        for name in ("output_size", "character_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not self.filters or any(min(pair) < 1 for pair in self.filters):
            raise ValueError(f"filters must be pairs of width and number, each 1 or more, got {self.filters}")
        if self.highway_layers < 0:
            raise ValueError(f"highway_layers must be 0 or more, got {self.highway_layers}")
        if self.max_characters < 3:
            raise ValueError(f"max_characters must be 3 or more, got {self.max_characters}")

    @classmethod
    def tiny(cls, output_size: int = 6) -> "CharacterConfig":
        """The size used in tests."""
        return cls(output_size, 4, ((1, 3), (2, 4), (5, 3)), 2, 12)


def spell(words: Sequence[str], max_characters: int = 50) -> Tensor:
    """Character ids of words: a start mark, the UTF-8 bytes, an end mark, padding.

    Args:
        words: N words that are not empty.
        max_characters: M.
    Returns:
        (N, M) int64.
    Raises:
        ValueError: for an empty word.
    """
    rows = torch.full((len(words), max_characters), PAD)
    for row, word in zip(rows, words, strict=True):
        if not word:
            raise ValueError("words must have at least one character each, got an empty one")
        spelled = [WORD_START, *(byte + 1 for byte in word.encode()[: max_characters - 2]), WORD_END]
        row[: len(spelled)] = torch.tensor(spelled)
    return rows


def boundary_spellings(max_characters: int = 50) -> Tensor:
    """(2, M): the start and the end of a sentence, spelled as words of one special character."""
    rows = torch.full((2, max_characters), PAD)
    rows[:, :3] = torch.tensor([[WORD_START, SENTENCE_START, WORD_END], [WORD_START, SENTENCE_END, WORD_END]])
    return rows


class Highway(nn.Module):
    """y = g ⊙ ReLU(W x + b) + (1 − g) ⊙ x with the gate g = σ(W_g x + b_g)  (eq. 3 of the highway paper).

    Args:
        size: D.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        nn.init.constant_(self.gate.bias, -1.0)  # at first, mostly carry x through

    def forward(self, x: Tensor) -> Tensor:
        """(..., D) to (..., D)."""
        gate = self.gate(x).sigmoid()
        return gate * self.transform(x).relu() + (1 - gate) * x


class CharacterCNN(nn.Module):
    """A word's vector from its characters.

    Args:
        config: sizes.
    """

    def __init__(self, config: CharacterConfig) -> None:
        super().__init__()
        self.filters = config.filters
        self.characters = nn.Embedding(ALPHABET, config.character_size, padding_idx=PAD)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(config.character_size, number, width) for width, number in config.filters
        )
        total = sum(number for _, number in config.filters)
        self.highways = nn.Sequential(*(Highway(total) for _ in range(config.highway_layers)))
        self.projection = nn.Linear(total, config.output_size)

    def forward(self, spelled: Tensor) -> Tensor:
        """(N, E) vectors of N words spelled as (N, M) character ids; M may be any length."""
        x = self.characters(spelled).transpose(1, 2)  # (N, C, M)
        outside = (spelled == PAD).unsqueeze(1)  # (N, 1, M): windows that would start in the padding
        pooled = [
            conv(F.pad(x, (0, width - 1))).relu().masked_fill(outside, 0.0).amax(-1)
            for conv, (width, _) in zip(self.convolutions, self.filters, strict=True)
        ]
        return self.projection(self.highways(torch.cat(pooled, dim=-1)))


class CharacterInputs(nn.Module):
    """Vectors of a vocabulary's words and of the two sentence boundaries, computed from spellings.

    Args:
        words: the V spellings, by id; ids V and V + 1 are the sentence's start and end.
        config: sizes.
    """

    spellings: Tensor

    def __init__(self, words: Sequence[str], config: CharacterConfig) -> None:
        super().__init__()
        self.config = config
        self.vocab_size, self.embedding_size = len(words), config.output_size
        self.cnn = CharacterCNN(config)
        boundaries = boundary_spellings(config.max_characters)
        self.register_buffer("spellings", torch.cat([spell(words, config.max_characters), boundaries]))

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T, E) for ids (B, T); each word that occurs is computed once."""
        seen, place = ids.unique(return_inverse=True)
        return F.embedding(place, self.cnn(self.spellings[seen]))
