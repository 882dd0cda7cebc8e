"""GPT: a Transformer that reads from left to right and predicts the next token.

Radford et al. 2018, "Improving Language Understanding by Generative Pre-Training" (GPT-1), sections 3.1 and
4.1; Radford et al. 2019, "Language Models are Unsupervised Multitask Learners" (GPT-2), section 2.3. It is
the encoder's stack under a causal mask; the output layer is the word table again. GPT-1 normalises after
each sublayer, GPT-2 before, and once more at the end. Left out: the sparse attention of GPT-3.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.inputs import check_ids, check_mask
from course_lib.nn.masks import key_mask
from course_lib.nn.moments import at_least_float32
from course_lib.nn.positions import LearnedPositions
from course_lib.nn.transformer import Encoder, StackOutput, TransformerConfig, initialise

#: Width, layers and heads of GPT-2 (Table 2 of its paper).
GPT2_SIZES = {"small": (768, 12, 12), "medium": (1024, 24, 16), "large": (1280, 36, 20), "xl": (1600, 48, 25)}


@dataclass(frozen=True)
class GPTConfig(TransformerConfig):
    """Sizes; the defaults are GPT-2's smallest.

    Attributes:
        vocab_size: V.
        max_position_embeddings: the longest text.
        embedding_dropout: on the sum of word and position.
        initializer_range: standard deviation of the first weights.
    The others are `TransformerConfig`'s.
    """

    vocab_size: int = 50257
    max_position_embeddings: int = 1024
    embedding_dropout: float = 0.1
    initializer_range: float = 0.02
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu_new"
    attention_dropout: float = 0.1
    norm_first: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("vocab_size", "max_position_embeddings"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if not 0 <= self.embedding_dropout < 1:
            raise ValueError(f"embedding_dropout must be 0 or more and below 1, got {self.embedding_dropout}")

    @classmethod
    def gpt1(cls) -> "GPTConfig":
        """GPT-1: 12 layers of width 768, post-norm, 512 positions."""
        return cls(vocab_size=40478, max_position_embeddings=512, norm_first=False)

    @classmethod
    def gpt2(cls, size: Literal["small", "medium", "large", "xl"] = "small") -> "GPTConfig":
        """The four GPT-2 models.

        Raises:
            ValueError: for a size of another name.
        """
        if size not in GPT2_SIZES:
            raise ValueError(f"size must be one of {', '.join(GPT2_SIZES)}, got {size!r}")
        width, layers, heads = GPT2_SIZES[size]
        return cls(
            hidden_size=width,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            intermediate_size=4 * width,
        )

    @classmethod
    def tiny(cls, vocab_size: int = 50, *, norm_first: bool = True) -> "GPTConfig":
        """The size used in tests."""
        return cls(
            vocab_size=vocab_size,
            max_position_embeddings=24,
            hidden_size=16,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            norm_first=norm_first,
            dropout=0.0,
            attention_dropout=0.0,
            embedding_dropout=0.0,
        )


class GPT(nn.Module):
    """The language model.

    Args:
        config: sizes.
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocab_size, config.hidden_size)
        self.positions = LearnedPositions(config.max_position_embeddings, config.hidden_size)
        self.dropout = nn.Dropout(config.embedding_dropout)
        self.encoder = Encoder(config)
        initialise(self, config.initializer_range)
        if config.norm_first:  # GPT-2, section 2.3: a sum of N residual terms starts with variance 1, not N
            std = config.initializer_range * (2 * config.num_hidden_layers) ** -0.5
            for name, weight in self.encoder.named_parameters():
                if name.endswith(("attention.output.weight", "feed_forward.down.weight")):
                    nn.init.normal_(weight, std=std)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        positions: Tensor | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> StackOutput:
        """States of every token; state t has seen tokens 0 to t.

        Args:
            input_ids: (B, T).
            attention_mask: (B, T) bool, False in the padding, which may stand on either side.
            positions: (B, T) or (T,); by default each row counts its own tokens, so that padding on the
                left shifts nothing.
            output_hidden_states, output_attentions: what else to return; shapes as in `StackOutput`.
        Raises:
            ValueError: for ids or masks that the model cannot read.
        """
        check_ids(input_ids, self.config.vocab_size, longest=self.config.max_position_embeddings)
        check_mask(attention_mask, input_ids.shape)
        if positions is None and attention_mask is not None:
            positions = count_positions(attention_mask)
        return self.encoder(
            self.embed(input_ids, positions),
            mask=None if attention_mask is None else key_mask(attention_mask),
            causal=True,
            output_hidden_states=output_hidden_states,
            output_attentions=output_attentions,
        )

    def embed(self, input_ids: Tensor, positions: Tensor | None = None) -> Tensor:
        """h₀ = W_e[u] + W_p[t], (B, T, D) (GPT-1, equation 2)."""
        return self.dropout(self.positions(self.words(input_ids), positions=positions))

    def logits(self, states: Tensor) -> Tensor:
        """h Wₑᵀ (GPT-1, equation 2): states (..., D) -> (..., V). The word table is the output layer."""
        return F.linear(states, self.words.weight)

    def loss(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, *, counts: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """−Σ log P(u_t | u_<t) over the tokens that count (GPT-1, equation 1).

        Args:
            input_ids: (B, T), T of 2 or more.
            attention_mask: (B, T) bool, as in `forward`.
            counts: (B, T) bool, the tokens whose prediction counts; all by default. A row's first token
                never does, because nothing stands before it.
        Returns:
            The loss summed over those tokens, and their number.
        """
        states = self(input_ids, attention_mask).last_hidden_state
        return self.loss_of(states, input_ids, attention_mask, counts=counts)

    def loss_of(
        self,
        states: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        *,
        counts: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """`loss` where the states (B, T, D) are there already, because a task needs them too."""
        wanted = predicted_tokens(input_ids, attention_mask, counts)  # (B, T - 1)
        # Rows are chosen first: logits exist only where there is a token to predict.
        logits = self.logits(states[:, :-1][wanted])  # (n, V)
        total = F.cross_entropy(at_least_float32(logits), input_ids[:, 1:][wanted].long(), reduction="sum")
        return total, wanted.sum()

    def add_tokens_(self, count: int, *, generator: torch.Generator | None = None) -> range:
        """Give the vocabulary further rows, N(0, 0.02²), and return their ids.

        Fine-tuning needs tokens that pre-training never saw (GPT-1, section 3.3).
        """
        if count < 1:
            raise ValueError(f"count must be 1 or more, got {count}")
        first, old = self.config.vocab_size, self.words.weight
        rows = torch.empty(count, old.shape[1]).normal_(std=0.02, generator=generator)
        self.words = nn.Embedding.from_pretrained(torch.cat([old.detach(), rows.to(old)]), freeze=False)
        self.config = replace(self.config, vocab_size=first + count)
        return range(first, first + count)

    @classmethod
    def from_transformers(cls, source: Any) -> "GPT":
        """A copy of an OpenAIGPT or GPT2 model of transformers.

        Args:
            source: the model (with or without a head), a folder that `save_pretrained` wrote, or a name on
                the hub.
        Raises:
            ValueError: for a model of another architecture, or with options that this class lacks.
        """
        from course_lib.pretraining.gpt_weights import convert

        return convert(source)


def count_positions(attention_mask: Tensor) -> Tensor:
    """The place of each token among its row's tokens; 0 in padding on the left.

    Args:
        attention_mask: (B, T) bool.
    Returns:
        (B, T) int64.
    """
    return (attention_mask.long().cumsum(-1) - 1).clamp(min=0)


def predicted_tokens(input_ids: Tensor, attention_mask: Tensor | None, counts: Tensor | None) -> Tensor:
    """Which of tokens 1 to T - 1 a language model is asked for: (B, T - 1) bool.

    Both the token and the one before it must be text; `counts` may take out more.

    Args:
        input_ids: (B, T).
        attention_mask, counts: (B, T) bool.
    """
    if counts is not None and (counts.dtype != torch.bool or counts.shape != input_ids.shape):
        got = f"{counts.dtype} {list(counts.shape)}"
        raise ValueError(f"counts must be boolean of shape {list(input_ids.shape)}, got {got}")
    if input_ids.shape[1] < 2:
        raise ValueError(f"input_ids must have 2 tokens or more to predict one, got {input_ids.shape[1]}")
    wanted = torch.ones_like(input_ids[:, 1:], dtype=torch.bool)
    if attention_mask is not None:
        wanted = attention_mask[:, 1:] & attention_mask[:, :-1]
    return wanted if counts is None else wanted & counts[:, 1:]


def lm_loss(model: nn.Module, batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
    """For `training.fit`: a batch has `input_ids` (B, T) and may have `attention_mask` and `counts`."""
    assert isinstance(model, GPT)
    return model.loss(batch["input_ids"], batch.get("attention_mask"), counts=batch.get("counts"))
