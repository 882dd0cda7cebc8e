"""Multi-head attention: H attentions side by side, each in a subspace of its own.

Vaswani et al. 2017, "Attention Is All You Need", arXiv:1706.03762, section 3.2.2. Masks, cached keys for
decoding, and relative positions plug in here, so every Transformer of the course runs this file. Where
nobody asks for the weights, torch's fused `scaled_dot_product_attention` computes the same without storing
them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib.nn.attention import scaled_dot_scores
from course_lib.nn.kv_cache import KVCache
from course_lib.nn.masks import causal_mask, masked_softmax
from course_lib.nn.positions import RelativePosition


class MultiHeadAttention(nn.Module):
    """Self-attention, or attention from x to a memory.

    Args:
        hidden_size: D, a multiple of H.
        num_heads: H.
        memory_size: width M of the memory's states; D if not given.
        bias: whether the four linear maps have one.
        dropout: on the attention weights.
        relative: scores (and contexts) that depend on the distance of query and key.
    Raises:
        ValueError: if D is no multiple of H.
    """

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        memory_size: int | None = None,
        bias: bool = True,
        dropout: float = 0.0,
        relative: RelativePosition | None = None,
    ) -> None:
        super().__init__()
        if num_heads < 1 or hidden_size % num_heads:
            raise ValueError(f"num_heads must divide hidden_size ({hidden_size}), got {num_heads}")
        self.num_heads, self.dropout, self.relative = num_heads, dropout, relative
        memory_size = hidden_size if memory_size is None else memory_size
        self.query = nn.Linear(hidden_size, hidden_size, bias=bias)
        self.key = nn.Linear(memory_size, hidden_size, bias=bias)
        self.value = nn.Linear(memory_size, hidden_size, bias=bias)
        self.output = nn.Linear(hidden_size, hidden_size, bias=bias)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        cache: KVCache | None = None,
        output_attentions: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Attend from each position of x.

        Args:
            x: (B, T, D).
            memory: (B, S, M) to attend to; x itself (and what the cache holds) if not given.
            mask: bool, broadcastable to (B, H, T, S); True = may be attended to. A row that may attend to
                nothing gets a context of zeros.
            causal: self-attention only: position t sees no later position.
            cache: keys and values of earlier positions, which x is added to; of the memory, once.
            output_attentions: whether to return the weights, which costs their memory.
        Returns:
            (B, T, D), and the weights (B, H, T, S) after dropout-free softmax, or None.
        Raises:
            ValueError: for a mask that is not boolean.
        """
        if mask is not None and mask.dtype != torch.bool:
            raise ValueError(f"mask must be boolean (True = may be attended to), got {mask.dtype}")
        query = self._split(self.query(x))  # (B, H, T, K)
        key, value = self._keys_and_values(x, memory, cache)  # (B, H, S, K)
        T, S = query.shape[2], key.shape[2]
        if output_attentions or (self.relative is not None and self.relative.on_values):
            if causal and T > 1:
                mask = _both(mask, causal_mask(T, x.device, past=S - T))
            context, weights = self._explicit(query, key, value, mask)
        else:
            context, weights = self._fused(query, key, value, mask, causal and T > 1), None
        return self.output(self._join(context)), weights if output_attentions else None

    def _keys_and_values(
        self, x: Tensor, memory: Tensor | None, cache: KVCache | None
    ) -> tuple[Tensor, Tensor]:
        if memory is not None and cache is not None and cache.length:
            return cache.held()
        source = x if memory is None else memory
        key, value = self._split(self.key(source)), self._split(self.value(source))
        return (key, value) if cache is None else cache.extend(key, value)

    def _explicit(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Contexts (B, H, T, K) and weights (B, H, T, S), step by step."""
        # α = softmax(q·k/√K + r),  c = Σ α v (+ Σ α a)
        scores = scaled_dot_scores(query, key)
        if self.relative is not None:
            scores = scores + self.relative.scores(query, key)
        weights = masked_softmax(scores, mask)
        kept = F.dropout(weights, self.dropout, self.training)
        context = kept @ value
        extra = None if self.relative is None else self.relative.context(kept)
        return (context if extra is None else context + extra), weights

    def _fused(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """The same contexts without the weights in memory."""
        T, S = query.shape[2], key.shape[2]
        plain = causal and mask is None and self.relative is None and T == S
        if causal and not plain:
            mask = _both(mask, causal_mask(T, query.device, past=S - T))
        if self.relative is not None:
            scores = self.relative.scores(query, key).to(query.dtype)
            mask = scores if mask is None else scores.masked_fill(~mask, -torch.inf)
        dropout = self.dropout if self.training else 0.0
        return F.scaled_dot_product_attention(query, key, value, mask, dropout, is_causal=plain)

    def _split(self, x: Tensor) -> Tensor:
        """(B, T, D) -> (B, H, T, K)."""
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _join(self, x: Tensor) -> Tensor:
        """(B, H, T, K) -> (B, T, D)."""
        return x.transpose(1, 2).flatten(-2)


def _both(mask: Tensor | None, other: Tensor) -> Tensor:
    return other if mask is None else mask & other
