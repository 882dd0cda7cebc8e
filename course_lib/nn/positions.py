"""Position encodings: vectors that are added to the words, and terms that are added to attention's scores.

Sinusoidal: Vaswani et al. 2017, arXiv:1706.03762, section 3.5. Learned: Gehring et al. 2017,
arXiv:1705.03122, and BERT. Bucketed bias: Raffel et al. 2020 (T5), arXiv:1910.10683, section 2.1. The
schemes with a vector for each distance (NEZHA, Shaw, Transformer-XL) are in `relative_positions`.
"""

import math

import torch
from torch import Tensor, nn


def sinusoid(
    positions: Tensor,
    size: int,
    *,
    base: float = 10_000.0,
    interleaved: bool = True,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Sines and cosines of the positions at ⌈size / 2⌉ wavelengths from 2π to almost 2π·base.

    Args:
        positions: (...) any numbers; relative ones may be negative.
        size: D; with an odd width the slowest wave has its sine only.
        base: of the geometric series of wavelengths.
        interleaved: sin, cos, sin, cos, … as in the paper; otherwise all sines, then all cosines.
        dtype: of the result; angles are never computed below float32.
    Returns:
        (..., D) on the device of `positions`.
    Raises:
        ValueError: if `size` is below 1 or `base` not above 1.
    """
    at_least("size", size, 1)
    if not base > 1:
        raise ValueError(f"base must be above 1, got {base}")
    exact = torch.promote_types(dtype, torch.float32)
    # PE(p, 2i) = sin(p / base^(2i/D)),  PE(p, 2i+1) = cos(p / base^(2i/D))
    exponents = torch.arange(0, size, 2, device=positions.device, dtype=exact) / size  # (⌈D/2⌉,)
    angles = positions.unsqueeze(-1).to(exact) * base**-exponents  # (..., ⌈D/2⌉)
    sine, cosine = angles.sin(), angles.cos()[..., : size // 2]
    if not interleaved:
        return torch.cat([sine, cosine], dim=-1).to(dtype)
    if size % 2:
        cosine = torch.cat([cosine, torch.zeros_like(sine[..., :1])], dim=-1)
    return torch.stack([sine, cosine], dim=-1).flatten(-2)[..., :size].to(dtype)


class SinusoidalPositions(nn.Module):
    """Adds the sinusoid of each position; no parameters, no longest length.

    Args:
        hidden_size: D.
        base: of the geometric series of wavelengths.
    """

    def __init__(self, hidden_size: int, *, base: float = 10_000.0) -> None:
        super().__init__()
        at_least("hidden_size", hidden_size, 1)
        self.hidden_size, self.base = hidden_size, base

    def forward(self, x: Tensor, *, offset: int = 0, positions: Tensor | None = None) -> Tensor:
        """x + PE.

        Args:
            x: (B, T, D).
            offset: position of the first column (cached decoding: the number of cached positions).
            positions: (T,) or (B, T) integers, instead of offset, offset + 1, …
        Returns:
            (B, T, D).
        """
        positions = _positions(x, offset, positions, self.hidden_size)
        return x + sinusoid(positions, self.hidden_size, base=self.base, dtype=x.dtype)


class LearnedPositions(nn.Module):
    """Adds a learned vector for each position, as BERT and GPT do.

    Args:
        max_length: positions in the table, P.
        hidden_size: D.
    """

    def __init__(self, max_length: int, hidden_size: int) -> None:
        super().__init__()
        at_least("max_length", max_length, 1)
        at_least("hidden_size", hidden_size, 1)
        self.table = nn.Embedding(max_length, hidden_size)
        nn.init.normal_(self.table.weight, std=0.02)

    def forward(self, x: Tensor, *, offset: int = 0, positions: Tensor | None = None) -> Tensor:
        """x + table[positions]. Arguments as in `SinusoidalPositions.forward`.

        Raises:
            ValueError: for a position that the table does not have.
        """
        size = self.table.num_embeddings
        if positions is None and offset + x.shape[-2] > size:
            raise ValueError(f"x must end within {size} positions, got {x.shape[-2]} from {offset} on")
        if positions is not None and positions.numel() and not torch.compiler.is_compiling():
            low, high = int(positions.min()), int(positions.max())
            if low < 0 or high >= size:
                raise ValueError(f"positions must be within 0..{size - 1}, got {low}..{high}")
        return x + self.table(_positions(x, offset, positions, self.table.embedding_dim))


class RelativePosition(nn.Module):
    """What a relative scheme adds inside attention. `MultiHeadAttention` calls both methods.

    The T queries are the last T of the S positions that have a key, so that cached decoding needs no offset.

    Attributes:
        on_values: whether `context` returns something; if not, the weights need never be stored.
    """

    on_values: bool = False

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        """The term that is added to q·k / √K, before the mask; it is scaled already.

        Args:
            query: (B, H, T, K).
            key: (B, H, S, K).
        Returns:
            Broadcastable to (B, H, T, S).
        """
        raise NotImplementedError

    def context(self, weights: Tensor) -> Tensor | None:
        """What is added to the mean of the values, (B, H, T, K), for weights (B, H, T, S); or None."""
        return None


class T5Bias(RelativePosition):
    """T5: one learned number for each head and each bucket of distances. Layers may share one module.

    Args:
        num_heads: H.
        num_buckets: half of them for exact small distances, half for logarithmically wider ones.
        max_distance: everything beyond falls into the last bucket.
        bidirectional: buckets for both sides; otherwise keys to the right all count as distance 0.
    """

    def __init__(
        self, num_heads: int, *, num_buckets: int = 32, max_distance: int = 128, bidirectional: bool = True
    ) -> None:
        super().__init__()
        at_least("num_heads", num_heads, 1)
        t5_bucket(torch.zeros(1), num_buckets, max_distance, bidirectional)  # checks the arguments
        self.num_buckets, self.max_distance = num_buckets, max_distance
        self.bidirectional = bidirectional
        self.bias = nn.Embedding(num_buckets, num_heads)

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        distances = relative_distances(query.shape[-2], key.shape[-2], query.device)
        buckets = t5_bucket(distances, self.num_buckets, self.max_distance, self.bidirectional)
        return self.bias(buckets).permute(2, 0, 1)  # (H, T, S)


def t5_bucket(distances: Tensor, num_buckets: int, max_distance: int, bidirectional: bool) -> Tensor:
    """The bucket of each distance j − i (arXiv:1910.10683, section 2.1).

    Args:
        distances: any shape.
        num_buckets, max_distance, bidirectional: as in `T5Bias`.
    Returns:
        int64 of the same shape, 0 to num_buckets − 1.
    Raises:
        ValueError: for too few buckets, or a `max_distance` that the exact buckets reach already.
    """
    side = num_buckets // 2 if bidirectional else num_buckets
    exact = side // 2
    if exact < 1 or (bidirectional and num_buckets % 2):
        least = "even and 4" if bidirectional else "2"
        raise ValueError(f"num_buckets must be {least} or more, got {num_buckets}")
    if max_distance <= exact:
        raise ValueError(f"max_distance must be above the {exact} exact buckets, got {max_distance}")
    away = distances.abs() if bidirectional else (-distances).clamp(min=0)
    # Beyond `exact`: the bucket grows with the logarithm until max_distance.
    ratio = torch.log(away.float().clamp(min=1) / exact) / math.log(max_distance / exact)
    wide = (exact + (ratio * (side - exact)).long()).clamp(max=side - 1)
    bucket = torch.where(away < exact, away.long(), wide)
    return bucket + side * (distances > 0).long() if bidirectional else bucket


def relative_distances(queries: int, keys: int, device: torch.device | str | None = None) -> Tensor:
    """(T, S) distances j − i from each of the last T of S positions i to each position j.

    Raises:
        ValueError: if there are more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"query must not be longer than key ({keys}) in a relative scheme, got {queries}")
    columns = torch.arange(keys, device=device)
    return columns - columns[keys - queries :].unsqueeze(-1)


def _positions(x: Tensor, offset: int, positions: Tensor | None, hidden_size: int) -> Tensor:
    """The positions of the columns of x, checked."""
    if x.shape[-1] != hidden_size:
        raise ValueError(f"x must have width {hidden_size}, got shape {tuple(x.shape)}")
    at_least("offset", offset, 0)
    if positions is None:
        return torch.arange(offset, offset + x.shape[-2], device=x.device)
    if positions.shape[-1] != x.shape[-2]:
        raise ValueError(f"positions must have {x.shape[-2]} columns, got shape {tuple(positions.shape)}")
    return positions


def at_least(name: str, value: int, least: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be {least} or more, got {value}")
