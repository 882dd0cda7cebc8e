"""CoVe: context vectors taken from a translator.

McCann, Bradbury, Xiong & Socher 2017, "Learned in Translation: Contextualized Word Vectors",
arXiv:1708.00107, sections 3 and 4. An attentional sequence-to-sequence model learns to translate; its
encoder, a two-layer bidirectional LSTM over fixed word vectors, is kept and read as [GloVe; CoVe].
Left out: beam search, the authors' toolkit's length bonus, and their biattentive classifier.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.lstm import BiLSTM
from course_lib.nn.masks import length_mask, pad
from course_lib.nn.seq2seq import AttentionDecoder

PAD, START, END = 0, 1, 2
"""Target ids that are no words; words come after them."""


@dataclass(frozen=True)
class CoVeConfig:
    """Sizes; the defaults are the paper's (section 3).

    Attributes:
        target_size: number of target ids, the first three of which are `PAD`, `START` and `END`.
        embedding_size: width E of the target embeddings.
        hidden_size: width of each direction of the encoder; the decoder is as wide as both.
        num_layers: of encoder and decoder.
        dropout: between layers and on the decoder's output.
        input_feeding: whether the decoder's step sees the last attentional state; without it a whole
            target sentence is computed at once.
    """

    target_size: int
    embedding_size: int = 300
    hidden_size: int = 300
    num_layers: int = 2
    dropout: float = 0.2
    input_feeding: bool = True

    def __post_init__(self) -> None:
        if self.target_size <= END + 1:
            raise ValueError(f"target_size must be above {END + 1}, got {self.target_size}")
        for name in ("embedding_size", "hidden_size", "num_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be 0 or more and below 1, got {self.dropout}")

    @classmethod
    def tiny(cls, target_size: int) -> "CoVeConfig":
        """The size used in tests."""
        return cls(target_size, embedding_size=6, hidden_size=5, dropout=0.0)


class Batch(NamedTuple):
    """Source ids (B, S) and lengths (B,); target ids (B, T) and lengths (B,), START and END included."""

    source: Tensor
    source_lengths: Tensor
    target: Tensor
    target_lengths: Tensor


class Encoder(nn.Module):
    """The MT-LSTM: fixed word vectors, then a bidirectional LSTM.

    Args:
        vectors: (V, E) word vectors, which stay as they are.
        config: sizes.
    """

    vectors: Tensor

    def __init__(self, vectors: Tensor, config: CoVeConfig) -> None:
        super().__init__()
        if vectors.dim() != 2 or 0 in vectors.shape:
            raise ValueError(f"vectors must be (V, E), got shape {list(vectors.shape)}")
        self.register_buffer("vectors", vectors.detach().clone())
        self.lstm = BiLSTM(vectors.shape[1], config.hidden_size, config.num_layers, config.dropout)

    def forward(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """CoVe(w) = MT-LSTM(GloVe(w)): (B, S, 2 * hidden) for ids (B, S), 0 in the padding."""
        states = self.lstm(F.embedding(ids, self.vectors), lengths)
        return states * length_mask(lengths, ids.shape[1]).unsqueeze(-1)

    def features(self, ids: Tensor, lengths: Tensor) -> Tensor:
        """[GloVe(w); CoVe(w)]: (B, S, E + 2 * hidden), 0 in the padding."""
        mask = length_mask(lengths, ids.shape[1]).unsqueeze(-1)
        return torch.cat([F.embedding(ids, self.vectors) * mask, self(ids, lengths)], dim=-1)


class Translator(nn.Module):
    """Encoder, attention, decoder.

    Args:
        vectors: (V, E) vectors of the source words.
        config: sizes.
    """

    def __init__(self, vectors: Tensor, config: CoVeConfig) -> None:
        super().__init__()
        self.config = config
        width = 2 * config.hidden_size
        self.encoder = Encoder(vectors, config)
        self.words = nn.Embedding(config.target_size, config.embedding_size, padding_idx=PAD)
        self.decoder = AttentionDecoder(
            config.embedding_size,
            width,
            width,
            config.num_layers,
            input_feeding=config.input_feeding,
            dropout=config.dropout,
        )
        self.output = nn.Linear(width, config.target_size)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Attentional states and attention weights for the given target.

        Args:
            batch: B pairs.
        Returns:
            h̃ (B, T - 1, 2 * hidden), which predicts target[:, 1:], and weights (B, T - 1, S).
        """
        memory = self.encoder(batch.source, batch.source_lengths)
        mask = length_mask(batch.source_lengths, batch.source.shape[1])
        states, weights, _ = self.decoder(self.words(batch.target[:, :-1]), memory, mask)
        return states, weights

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Negative log-likelihood of the target words, summed, and their number.

        The logits are computed only where a target word is.
        """
        states, _ = self(batch)
        mask = length_mask(batch.target_lengths - 1, states.shape[1])
        # −Σ log p(z_t),  p = softmax(W h̃_t + b)   (eq. 4)
        loss = F.cross_entropy(self.output(states[mask]), batch.target[:, 1:][mask], reduction="sum")
        return loss, mask.sum()

    @torch.no_grad()
    def translate(
        self, source: Tensor, lengths: Tensor, max_length: int = 50
    ) -> tuple[list[list[int]], Tensor]:
        """Greedy translation: the likeliest word at each step.

        Args:
            source: (B, S) ids.
            lengths: (B,).
            max_length: words at most, END not counted.
        Returns:
            B lists of target ids without START and END, and attention weights (B, steps, S).
        """
        memory, mask = self.encoder(source, lengths), length_mask(lengths, source.shape[1])
        word = torch.full((len(source), 1), START, device=source.device)
        done = torch.zeros(len(source), dtype=torch.bool, device=source.device)
        state, words, maps = None, [], []
        for _ in range(max_length):  # each word is the next step's input
            out, weights, state = self.decoder(self.words(word), memory, mask, state)
            logits = self.output(out[:, -1])
            logits[:, [PAD, START]] = -torch.inf
            word = logits.argmax(-1, keepdim=True)
            done = done | (word[:, 0] == END)
            words.append(word)
            maps.append(weights)
            if bool(done.all()):
                break
        rows = torch.cat(words, dim=1).tolist()
        return [row[: row.index(END)] if END in row else row for row in rows], torch.cat(maps, dim=1)


def collate(pairs: Sequence[tuple[Sequence[int] | np.ndarray, Sequence[int] | np.ndarray]]) -> Batch:
    """A batch of pairs of source ids and target ids; START and END are added to the target.

    Raises:
        ValueError: for no pairs, or a source of length 0.
    """
    source, source_lengths = pad([source for source, _ in pairs])
    target, target_lengths = pad([[START, *map(int, target), END] for _, target in pairs], PAD)
    return Batch(source, source_lengths, target, target_lengths)


def translation_loss(model: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """The loss function for `training.fit`."""
    assert isinstance(model, Translator)
    return model.loss(batch)
