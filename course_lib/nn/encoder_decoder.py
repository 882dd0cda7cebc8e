"""The Transformer of the paper: embeddings, encoder, decoder, and an output that shares the embeddings.

Vaswani et al. 2017, arXiv:1706.03762, section 3 and figure 1. One matrix serves as source embedding, target
embedding and output (section 3.4), multiplied by √D on the way in. Left out: label smoothing beyond the
argument of `loss`, and checkpoint averaging (`training.ema` is the course's form of it).
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.inputs import check_ids, check_mask
from course_lib.nn.kv_cache import KVCache
from course_lib.nn.masks import key_mask
from course_lib.nn.positions import SinusoidalPositions
from course_lib.nn.transformer import Decoder, DecoderCache, Encoder, TransformerConfig


@dataclass(frozen=True)
class EncoderDecoderConfig(TransformerConfig):
    """Sizes; the defaults are the paper's base model (table 3) with its joint vocabulary of about 37,000.

    Attributes:
        vocab_size: V, shared by source and target.
        pad_token_id, bos_token_id, eos_token_id: padding, start and end.
    """

    vocab_size: int = 37_000
    pad_token_id: int = 0
    bos_token_id: int = 1
    eos_token_id: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        special = (self.pad_token_id, self.bos_token_id, self.eos_token_id)
        if len(set(special)) < 3 or min(special) < 0 or max(special) >= self.vocab_size:
            raise ValueError(
                "pad_token_id, bos_token_id and eos_token_id must be three ids "
                f"within 0..{self.vocab_size - 1}, got {special}"
            )

    @classmethod
    def tiny(cls, vocab_size: int = 32, *, norm_first: bool = False) -> "EncoderDecoderConfig":
        """The size used in tests."""
        return cls(16, 2, 2, 32, dropout=0.0, norm_first=norm_first, vocab_size=vocab_size)


class Transformer(nn.Module):
    """Source ids and target ids to logits of the next target id."""

    def __init__(self, config: EncoderDecoderConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.positions = SinusoidalPositions(config.hidden_size)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder, self.decoder = Encoder(config), Decoder(config)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        nn.init.normal_(self.words.weight, std=config.hidden_size**-0.5)

    def embed(self, ids: Tensor, *, offset: int = 0) -> Tensor:
        """√D · embedding + position, (B, T) -> (B, T, D); `offset` is the position of the first id."""
        check_ids(ids, self.config.vocab_size)
        return self.dropout(
            self.positions(self.words(ids) * math.sqrt(self.config.hidden_size), offset=offset)
        )

    def encode(self, source: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Memory (B, S, D) of source ids (B, S); source_mask (B, S) bool is True where a token stands."""
        check_mask(source_mask, source.shape)
        mask = None if source_mask is None else key_mask(source_mask)
        return self.encoder(self.embed(source), mask=mask).last_hidden_state

    def decode(
        self,
        target: Tensor,
        memory: Tensor,
        source_mask: Tensor | None = None,
        *,
        caches: list[DecoderCache] | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """States (B, T, D) of target ids (B, T), and the weights on the memory if asked for.

        Padding at the end of a target needs no mask: no earlier position sees it.
        """
        offset = caches[0].own.length if caches else 0
        return self.decoder(
            self.embed(target, offset=offset),
            memory,
            memory_mask=None if source_mask is None else key_mask(source_mask),
            caches=caches,
            output_attentions=output_attentions,
        )

    def logits(self, states: Tensor) -> Tensor:
        """(..., D) -> (..., V) with the embeddings as output matrix."""
        return F.linear(states, self.words.weight)

    def forward(self, source: Tensor, target: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Logits (B, T, V): row t predicts target id t + 1 from target ids 0..t and the source."""
        return self.logits(self.decode(target, self.encode(source, source_mask), source_mask)[0])

    def loss(
        self, source: Tensor, target: Tensor, source_mask: Tensor | None = None, *, smoothing: float = 0.0
    ) -> tuple[Tensor, Tensor]:
        """Cross entropy of target[:, 1:], summed, and the number of target tokens.

        Args:
            source: (B, S) ids. target: (B, T) ids that begin with the start and end with the end.
            source_mask: (B, S) bool.
            smoothing: label smoothing, 0.1 in the paper.
        """
        states, _ = self.decode(target[:, :-1], self.encode(source, source_mask), source_mask)
        wanted = target[:, 1:]
        counts = wanted != self.config.pad_token_id
        loss = F.cross_entropy(
            self.logits(states[counts]), wanted[counts], reduction="sum", label_smoothing=smoothing
        )
        return loss, counts.sum()

    def stepper(
        self, source: Tensor, source_mask: Tensor | None = None, *, max_length: int = 256
    ) -> "TransformerStepper":
        """For `course_lib.nn.generation`: begin with `start_ids`, in evaluation mode.

        Args:
            source: (B, S) ids. source_mask: (B, S) bool.
            max_length: target tokens that the caches can hold, the start included.
        """
        return TransformerStepper(self, source, source_mask, max_length)

    def start_ids(self, batch_size: int, device: torch.device | str | None = None) -> Tensor:
        """(B, 1) start tokens."""
        return torch.full((batch_size, 1), self.config.bos_token_id, device=device)


class TransformerStepper:
    """The decoder in the middle of a target, with cached keys and values."""

    def __init__(
        self, model: Transformer, source: Tensor, source_mask: Tensor | None, max_length: int
    ) -> None:
        self.model, self.mask = model, source_mask
        self.memory = model.encode(source, source_mask)
        self.caches = [
            DecoderCache(KVCache(max_length), KVCache(source.shape[1])) for _ in model.decoder.layers
        ]

    def step(self, ids: Tensor) -> Tensor:
        """Read (N, t) ids; logits (N, V) of the next. Padding and start are never proposed."""
        states, _ = self.model.decode(ids, self.memory, self.mask, caches=self.caches)
        logits = self.model.logits(states[:, -1])
        config = self.model.config
        logits[:, [config.pad_token_id, config.bos_token_id]] = -torch.inf
        return logits

    def reorder(self, rows: Tensor) -> None:
        """Go on with these rows."""
        self.memory = self.memory[rows]
        self.mask = None if self.mask is None else self.mask[rows]
        for cache in self.caches:
            cache.own.reorder(rows)
            cache.memory.reorder(rows)
