"""The Transformer's layers and stacks: encoder and decoder, normalised after or before each sublayer.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.1 and figure 1. A layer is
attention and a two-layer network applied at each position, each with a residual connection. The paper
normalises the sum (post-norm); GPT-2 and most later models normalise the sublayer's input (pre-norm;
Xiong et al. 2020, arXiv:2002.04745). BERT, GPT and the translator of the course are stacks of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from course_lib.nn.activations import ACTIVATIONS
from course_lib.nn.kv_cache import KVCache
from course_lib.nn.multihead import MultiHeadAttention
from course_lib.nn.norm import LayerNorm
from course_lib.nn.positions import RelativePosition


@dataclass(frozen=True)
class TransformerConfig:
    """Sizes of a stack; the defaults are the paper's base model.

    Attributes:
        hidden_size: width D.
        num_hidden_layers: L.
        num_attention_heads: H; must divide D.
        intermediate_size: width of the network inside each layer.
        hidden_act: its activation, a name in `course_lib.nn.activations.ACTIVATIONS`.
        dropout: on what each sublayer adds.
        attention_dropout: on attention weights.
        norm_first: pre-norm; False is the paper's post-norm.
        layer_norm_eps: added to the variance.
    """

    hidden_size: int = 512
    num_hidden_layers: int = 6
    num_attention_heads: int = 8
    intermediate_size: int = 2048
    hidden_act: str = "relu"
    dropout: float = 0.1
    attention_dropout: float = 0.0
    norm_first: bool = False
    layer_norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        for name in ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads must divide hidden_size ({self.hidden_size}), "
                f"got {self.num_attention_heads}"
            )
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be 0 or more and below 1, got {getattr(self, name)}")
        if self.hidden_act not in ACTIVATIONS:
            raise ValueError(f"hidden_act must be one of {sorted(ACTIVATIONS)}, got {self.hidden_act!r}")


class StackOutput(NamedTuple):
    """What a stack returns.

    last_hidden_state is (B, T, D). hidden_states, if asked for, are L + 1 of that shape: the input, then
    each layer's output (for a pre-norm stack the last one is normalised). attentions, if asked for, are
    L of (B, H, T, T).
    """

    last_hidden_state: Tensor
    hidden_states: tuple[Tensor, ...] | None
    attentions: tuple[Tensor, ...] | None


class FeedForward(nn.Module):
    """W₂ act(W₁ x + b₁) + b₂ at each position by itself (section 3.3)."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.up = nn.Linear(config.hidden_size, config.intermediate_size)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size)
        self.activation = ACTIVATIONS[config.hidden_act]

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        return self.down(self.activation(self.up(x)))


class Residual(nn.Module):
    """What stands around a sublayer f: LN(x + f(x)), or x + f(LN(x)) with `norm_first`."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.norm = LayerNorm(config.hidden_size, config.layer_norm_eps)
        self.dropout = nn.Dropout(config.dropout)
        self.norm_first = config.norm_first

    def before(self, x: Tensor) -> Tensor:
        """The sublayer's input, of shape (B, T, D) like x."""
        return self.norm(x) if self.norm_first else x

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        """The sum of x (B, T, D) and the sublayer's output y, of that shape."""
        total = x + self.dropout(y)
        return total if self.norm_first else self.norm(total)


class EncoderLayer(nn.Module):
    """Self-attention, then the feed-forward network. With `causal` it is a layer of GPT.

    Args:
        config: sizes.
        relative: position scores for the attention.
    """

    def __init__(self, config: TransformerConfig, relative: RelativePosition | None = None) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(
            config.hidden_size,
            config.num_attention_heads,
            dropout=config.attention_dropout,
            relative=relative,
        )
        self.feed_forward = FeedForward(config)
        self.around_attention, self.around_feed_forward = Residual(config), Residual(config)

    def forward(
        self,
        x: Tensor,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """(B, T, D) -> (B, T, D) and the weights; arguments as in `MultiHeadAttention.forward`."""
        y, weights = self.attention(
            self.around_attention.before(x),
            mask=mask,
            causal=causal,
            cache=cache,
            output_attentions=output_attentions,
        )
        x = self.around_attention.after(x, y)
        y = self.feed_forward(self.around_feed_forward.before(x))
        return self.around_feed_forward.after(x, y), weights


class Encoder(nn.Module):
    """L encoder layers; after a pre-norm stack comes one more norm.

    Args:
        config: sizes.
        relative: one position module that all layers share, or one for each layer.
    """

    def __init__(
        self,
        config: TransformerConfig,
        relative: RelativePosition | Sequence[RelativePosition] | None = None,
    ) -> None:
        super().__init__()
        each = list(relative) if isinstance(relative, Sequence) else [relative] * config.num_hidden_layers
        if len(each) != config.num_hidden_layers:
            raise ValueError(
                f"relative must have {config.num_hidden_layers} modules, one a layer, got {len(each)}"
            )
        self.layers = nn.ModuleList(EncoderLayer(config, module) for module in each)
        self.norm = (
            LayerNorm(config.hidden_size, config.layer_norm_eps) if config.norm_first else nn.Identity()
        )

    def forward(
        self,
        x: Tensor,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        caches: Sequence[KVCache] | None = None,
        output_hidden_states: bool = False,
        output_attentions: bool = False,
    ) -> StackOutput:
        """Run all layers.

        Args:
            x: (B, T, D).
            mask: bool, broadcastable to (B, H, T, S).
            causal: no position sees a later one.
            caches: one for each layer.
            output_hidden_states: keep every layer's output.
            output_attentions: keep every layer's weights.
        """
        states, attentions = [x], []
        for i, layer in enumerate(self.layers):
            cache = None if caches is None else caches[i]
            x, weights = layer(x, mask=mask, causal=causal, cache=cache, output_attentions=output_attentions)
            states.append(x)
            attentions.append(weights)
            if not output_hidden_states:
                states.clear()
        x = self.norm(x)
        return StackOutput(
            x,
            (*states[:-1], x) if output_hidden_states else None,
            tuple(attentions) if output_attentions else None,
        )


class DecoderCache(NamedTuple):
    """Of one decoder layer: keys and values of the target so far, and of the memory."""

    own: KVCache
    memory: KVCache


class DecoderLayer(nn.Module):
    """Causal self-attention, attention to the memory, then the feed-forward network."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        size, heads = config.hidden_size, config.num_attention_heads
        self.attention = MultiHeadAttention(size, heads, dropout=config.attention_dropout)
        self.memory_attention = MultiHeadAttention(size, heads, dropout=config.attention_dropout)
        self.feed_forward = FeedForward(config)
        self.around_attention, self.around_memory_attention = Residual(config), Residual(config)
        self.around_feed_forward = Residual(config)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        cache: DecoderCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """One layer.

        Args:
            x: (B, T, D) of the target.
            memory: (B, S, D), the encoder's states.
            mask: bool, broadcastable to (B, H, T, T), beside the causal mask.
            memory_mask: bool, broadcastable to (B, H, T, S).
            cache: of earlier steps.
            output_attentions: whether to return the weights on the memory.
        Returns:
            (B, T, D), and the weights (B, H, T, S) on the memory or None.
        """
        own, past = (None, None) if cache is None else cache
        y, _ = self.attention(self.around_attention.before(x), mask=mask, causal=True, cache=own)
        x = self.around_attention.after(x, y)
        y, weights = self.memory_attention(
            self.around_memory_attention.before(x),
            memory,
            mask=memory_mask,
            cache=past,
            output_attentions=output_attentions,
        )
        x = self.around_memory_attention.after(x, y)
        y = self.feed_forward(self.around_feed_forward.before(x))
        return self.around_feed_forward.after(x, y), weights


class Decoder(nn.Module):
    """L decoder layers; after a pre-norm stack comes one more norm."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.num_hidden_layers))
        self.norm = (
            LayerNorm(config.hidden_size, config.layer_norm_eps) if config.norm_first else nn.Identity()
        )

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        *,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        caches: Sequence[DecoderCache] | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """States (B, T, D) and, if asked for, each layer's weights (B, H, T, S) on the memory.

        Arguments as in `DecoderLayer.forward`; `caches` has one entry a layer.
        """
        attentions = []
        for i, layer in enumerate(self.layers):
            cache = None if caches is None else caches[i]
            x, weights = layer(
                x,
                memory,
                mask=mask,
                memory_mask=memory_mask,
                cache=cache,
                output_attentions=output_attentions,
            )
            attentions.append(weights)
        return self.norm(x), tuple(attentions) if output_attentions else None


def initialise(module: nn.Module, std: float = 0.02) -> None:
    """BERT's and GPT's start: weights of linear maps and embeddings N(0, std²), biases 0, norms 1 and 0."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            torch.nn.init.normal_(part.weight, std=std)
        if isinstance(part, nn.Linear) and part.bias is not None:
            torch.nn.init.zeros_(part.bias)
        if isinstance(part, nn.Embedding) and part.padding_idx is not None:
            part.weight.data[part.padding_idx] = 0.0
