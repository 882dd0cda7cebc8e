"""Huffman tree over a vocabulary: frequent words get short codes.

Huffman 1952, "A Method for the Construction of Minimum-Redundancy Codes"; used for the output layer of the
hierarchical softmax by Mikolov et al. 2013, arXiv:1310.4546, section 2.1 (Morin & Bengio 2005 had a WordNet
tree). Only that output layer needs the tree: full softmax and negative sampling have none.
"""

import heapq
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class HuffmanTree:
    """The way from the root to each of V words, over V−1 inner nodes; node V−2 is the root.

    Attributes:
        nodes: (V, D) int64, inner nodes from the root down, padded with 0; D is the longest code's length.
        codes: (V, D) bool, the branch taken at each of them (True = the second, heavier child).
        lengths: (V,) int64, how many of the D columns count.
    """

    nodes: np.ndarray
    codes: np.ndarray
    lengths: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """(V, D) bool, True where a column counts."""
        return np.arange(self.nodes.shape[1]) < self.lengths[:, None]

    def code(self, word: int) -> str:
        """The word's code as a string of 0 and 1."""
        return "".join("01"[bit] for bit in self.codes[word, : self.lengths[word]].astype(int))


def huffman_tree(counts: np.ndarray) -> HuffmanTree:
    """Join the two lightest subtrees until one is left; O(V log V).

    Equal weights are joined in order of age, words before inner nodes, so the tree is always the same.

    Args:
        counts: (V,) non-negative weights, V at least 2.
    Raises:
        ValueError: if there are fewer than two words or a count is negative.
    """
    counts = np.asarray(counts)
    if counts.ndim != 1 or len(counts) < 2:
        raise ValueError(f"counts must have shape (V,) with V at least 2, got {counts.shape}")
    if counts.min() < 0:
        raise ValueError(f"counts must not be negative, got {counts.min()}")
    parent, branch = _join(counts)
    return _paths(parent, branch, len(counts))


def _join(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Parent (2V−1,) and branch (2V−1,) of every node; words are 0..V−1, inner nodes V..2V−2."""
    size = len(counts)
    parent = np.full(2 * size - 1, -1, dtype=np.int64)
    branch = np.zeros(2 * size - 1, dtype=bool)
    heap = [(weight, node) for node, weight in enumerate(counts.tolist())]
    heapq.heapify(heap)
    for node in range(size, 2 * size - 1):
        weight1, light = heapq.heappop(heap)
        weight2, heavy = heapq.heappop(heap)
        parent[light] = parent[heavy] = node
        branch[heavy] = True
        heapq.heappush(heap, (weight1 + weight2, node))
    return parent, branch


def _paths(parent: np.ndarray, branch: np.ndarray, size: int) -> HuffmanTree:
    """Walk up from all words at once, then turn each path around."""
    at = np.arange(size)
    ups: list[np.ndarray] = []
    turns: list[np.ndarray] = []
    lengths = np.zeros(size, dtype=np.int64)
    while (parent[at] >= 0).any():
        alive = parent[at] >= 0
        ups.append(np.where(alive, parent[at] - size, 0))
        turns.append(branch[at] & alive)
        lengths += alive
        at = np.where(alive, parent[at], at)
    depth = np.arange(len(ups))
    turned = np.clip(lengths[:, None] - 1 - depth, 0, None)  # column d from the root is step length−1−d up
    counts = depth < lengths[:, None]
    nodes = np.where(counts, np.take_along_axis(np.stack(ups, 1), turned, 1), 0)
    codes = np.take_along_axis(np.stack(turns, 1), turned, 1) & counts
    return HuffmanTree(nodes=nodes, codes=codes, lengths=lengths)
