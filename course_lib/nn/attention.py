"""Attention: how well a query fits a key, and the mean of values that follows from it.

Score functions: additive (Bahdanau et al. 2015, arXiv:1409.0473, appendix A.1.2), dot and bilinear
(Luong et al. 2015, arXiv:1508.04025, equation 8), scaled dot (Vaswani et al. 2017, arXiv:1706.03762,
equation 1). Scores know nothing of masks; `attend` does.
"""

import math

import torch
from torch import Tensor, nn

from course_lib.nn.masks import masked_softmax


def dot_scores(query: Tensor, key: Tensor) -> Tensor:
    """q·k for every pair.

    Args:
        query: (..., T, K).
        key: (..., S, K).
    Returns:
        (..., T, S).
    Raises:
        ValueError: if queries and keys differ in width.
    """
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"key must be as wide as query ({query.shape[-1]}), got {key.shape[-1]}")
    return query @ key.transpose(-2, -1)


def scaled_dot_scores(query: Tensor, key: Tensor) -> Tensor:
    """q·k / √K, whose variance does not grow with K. Shapes as in `dot_scores`."""
    return dot_scores(query, key) / math.sqrt(query.shape[-1])


class BilinearScore(nn.Module):
    """qᵀ W k, for queries and keys of different widths.

    Args:
        query_size: width of queries.
        key_size: width of keys.
    """

    def __init__(self, query_size: int, key_size: int) -> None:
        super().__init__()
        self.project = nn.Linear(key_size, query_size, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (..., T, S) of queries (..., T, query_size) and keys (..., S, key_size)."""
        return dot_scores(query, self.project(key))


class AdditiveScore(nn.Module):
    """v · tanh(W q + U k), a network with one hidden layer.

    Args:
        query_size: width of queries.
        key_size: width of keys.
        hidden_size: width of the hidden layer, A.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, hidden_size, bias=False)
        self.key = nn.Linear(key_size, hidden_size)
        self.value = nn.Linear(hidden_size, 1, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores (..., T, S) of queries (..., T, query_size) and keys (..., S, key_size)."""
        pairs = self.query(query).unsqueeze(-2) + self.key(key).unsqueeze(-3)  # (..., T, S, A)
        return self.value(torch.tanh(pairs)).squeeze(-1)


def attend(scores: Tensor, value: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The values' mean under the softmax of the scores.

    Args:
        scores: (..., T, S).
        value: (..., S, D).
        mask: bool, broadcastable to `scores`; True = may be attended to.
    Returns:
        context (..., T, D) and weights (..., T, S), which are exactly 0 at masked positions.
    """
    # α = softmax(e),  c = Σ_s α_s v_s
    weights = masked_softmax(scores, mask)
    return weights @ value, weights
