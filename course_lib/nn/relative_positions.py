"""Relative schemes with a vector for each distance, as parts of attention.

Shaw et al. 2018, arXiv:1803.02155, equations 3 and 4: learned vectors on keys and values. Wei et al. 2019
(NEZHA), arXiv:1909.00204, section 2.2: the same with sinusoids. Dai et al. 2019 (Transformer-XL),
arXiv:1901.02860, section 3.3: a projected sinusoid and two biases. Distances are j − i, key minus query:
negative to the left. No tensor of size T × S × K is built: products with all S + T distances are shifted.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.nn.positions import RelativePosition, at_least, sinusoid


class DistanceVectors(RelativePosition):
    """Schemes that add a vector a(j − i) to each key and to each value (arXiv:1803.02155, eq. 3 and 4).

    Subclasses say what the vectors are. All heads share them.

    Args:
        max_distance: distances beyond are treated as this one.
        on_values: whether values get vectors too.
    """

    def __init__(self, max_distance: int, *, on_values: bool = True) -> None:
        super().__init__()
        at_least("max_distance", max_distance, 1)
        self.max_distance, self.on_values = max_distance, on_values

    def key_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        """a^K: vectors (P, K) of clipped distances (P,)."""
        raise NotImplementedError

    def value_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        """a^V, likewise; asked for only with `on_values`."""
        raise NotImplementedError

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        distances = self._clipped(query.shape[-2], key.shape[-2], query.device)
        vectors = self.key_vectors(distances, query.dtype)  # (S + T, K)
        # e_ij = q_i · (k_j + a^K_ij) / √K; the product with k_j is attention's own
        return shift(query @ vectors.T) / math.sqrt(query.shape[-1])

    def context(self, weights: Tensor) -> Tensor | None:
        if not self.on_values:
            return None
        distances = self._clipped(weights.shape[-2], weights.shape[-1], weights.device)
        # z_i = Σ_j α_ij (v_j + a^V_ij); the sum over v_j is attention's own
        return unshift(weights) @ self.value_vectors(distances, weights.dtype)

    def _clipped(self, queries: int, keys: int, device: torch.device) -> Tensor:
        return distance_range(queries, keys, device).clamp(-self.max_distance, self.max_distance)


class FunctionalRelative(DistanceVectors):
    """NEZHA: the vectors of keys and of values are the sinusoid of the clipped distance; nothing is learned.

    Args:
        head_size: K.
        max_distance: where distances are clipped.
    """

    def __init__(self, head_size: int, *, max_distance: int = 64) -> None:
        super().__init__(max_distance)
        at_least("head_size", head_size, 1)
        self.head_size = head_size

    def key_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        return sinusoid(distances, self.head_size, dtype=dtype)

    def value_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        return self.key_vectors(distances, dtype)


class ShawRelative(DistanceVectors):
    """Shaw: learned vectors for the clipped distances, one table for keys and one for values.

    Args:
        head_size: K.
        max_distance: where distances are clipped, the paper's k; the tables have 2k + 1 rows.
        values: whether values get vectors too.
    """

    def __init__(self, head_size: int, *, max_distance: int = 16, values: bool = True) -> None:
        super().__init__(max_distance, on_values=values)
        at_least("head_size", head_size, 1)
        self.keys = nn.Embedding(2 * max_distance + 1, head_size)
        nn.init.xavier_uniform_(self.keys.weight)
        if values:
            self.values = nn.Embedding(2 * max_distance + 1, head_size)
            nn.init.xavier_uniform_(self.values.weight)

    def key_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        return self.keys(distances + self.max_distance)

    def value_vectors(self, distances: Tensor, dtype: torch.dtype) -> Tensor:
        return self.values(distances + self.max_distance)


class TransformerXLRelative(RelativePosition):
    """Transformer-XL: content and position of the key are looked for apart, each with a bias.

    The four terms of the paper: (a) content and content is attention's own q·k; this adds (b) content and
    position q·r, (c) the bias for content u·k, (d) the bias for position v·r.

    Args:
        hidden_size: D.
        num_heads: H.
    """

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        at_least("num_heads", num_heads, 1)
        if hidden_size < 1 or hidden_size % num_heads:
            raise ValueError(f"hidden_size must be a multiple of num_heads ({num_heads}), got {hidden_size}")
        self.hidden_size, self.num_heads = hidden_size, num_heads
        self.project = nn.Linear(hidden_size, hidden_size, bias=False)  # W_{k,R}
        self.content_bias = nn.Parameter(torch.zeros(num_heads, hidden_size // num_heads))  # u
        self.position_bias = nn.Parameter(torch.zeros(num_heads, hidden_size // num_heads))  # v

    def scores(self, query: Tensor, key: Tensor) -> Tensor:
        distances = distance_range(query.shape[-2], key.shape[-2], query.device)
        # R_{i−j}: the paper counts from the key to the query
        waves = sinusoid(-distances, self.hidden_size, interleaved=False, dtype=self.project.weight.dtype)
        vectors = self.project(waves).unflatten(-1, (self.num_heads, -1)).transpose(0, 1)  # (H, S + T, K)
        # A − q·k = (q + v)·W_R R_{i−j} + u·k
        position = shift((query + self.position_bias.unsqueeze(-2)) @ vectors.transpose(-2, -1))
        content = (key @ self.content_bias.unsqueeze(-1)).transpose(-2, -1)  # (B, H, 1, S)
        return (position + content) / math.sqrt(query.shape[-1])


def distance_range(queries: int, keys: int, device: torch.device | str | None = None) -> Tensor:
    """(S + T,) all distances that occur, 1 − S to T − 1, and T, which `shift` drops again.

    Raises:
        ValueError: if there are more queries than keys.
    """
    if queries > keys:
        raise ValueError(f"query must not be longer than key ({keys}) in a relative scheme, got {queries}")
    return torch.arange(1 - keys, queries + 1, device=device)


def shift(by_distance: Tensor) -> Tensor:
    """From columns that are distances to columns that are keys, by views alone (arXiv:1901.02860, app. B).

    Args:
        by_distance: (..., T, S + T); column c of each query holds distance c + 1 − S, as `distance_range`.
    Returns:
        (..., T, S): entry (i, j) is that of distance j − (S − T + i).
    """
    queries, width = by_distance.shape[-2:]
    # Row t starts T − 1 − t columns late: with rows one shorter, every row starts at the same column.
    flat = by_distance.flatten(-2)[..., queries - 1 : -1]
    return flat.unflatten(-1, (queries, width - 1))[..., : width - queries]


def unshift(by_key: Tensor) -> Tensor:
    """The transpose of `shift`: (..., T, S) to (..., T, S + T), with zeros where no key has the distance."""
    queries, keys = by_key.shape[-2:]
    flat = nn.functional.pad(by_key, (0, queries - 1)).flatten(-2)
    return nn.functional.pad(flat, (queries - 1, 1)).unflatten(-1, (queries, keys + queries))
