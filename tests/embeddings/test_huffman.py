"""Huffman trees: prefix codes of least expected length."""

import heapq
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_lib.embeddings.huffman import huffman_tree


def least_cost(counts):
    """Σ count · length of an optimal prefix code: the sum of all joined weights."""
    heap = [int(n) for n in counts]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        cost += joined
        heapq.heappush(heap, joined)
    return cost


def test_a_tree_by_hand():
    # 1+1 → 2, 2+2 → 4, 4+4 → 8: the most frequent word is one step from the root
    tree = huffman_tree(np.array([4, 2, 1, 1]))
    assert tree.lengths.tolist() == [1, 2, 3, 3]
    assert sorted(tree.code(w) for w in range(4)) == ["0", "10", "110", "111"]


@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=60))
def test_codes_are_prefix_free_complete_and_of_least_expected_length(counts):
    tree = huffman_tree(np.array(counts))
    assert int((np.array(counts) * tree.lengths).sum()) == least_cost(counts)
    assert sum(2.0 ** -int(n) for n in tree.lengths) == 1  # Kraft's equality: no prefix and no gap
    codes = sorted(tree.code(w) for w in range(len(counts)))
    assert not any(b.startswith(a) for a, b in pairwise(codes))


def test_every_way_starts_at_the_root_and_uses_each_node_once():
    counts = np.random.default_rng(0).integers(1, 1000, 300)
    tree = huffman_tree(counts)
    assert (tree.nodes[:, 0] == len(counts) - 2).all()
    assert set(tree.nodes[tree.mask]) == set(range(len(counts) - 1))
    for word in range(0, 300, 17):
        way = tree.nodes[word, : tree.lengths[word]]
        assert len(set(way)) == len(way)
        # two words with the same prefix of the code go through the same nodes
        other = (word + 1) % 300
        a, b = tree.code(word), tree.code(other)
        shared = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), 0)
        assert (tree.nodes[word, : shared + 1] == tree.nodes[other, : shared + 1]).all()


@pytest.mark.oracle
def test_code_lengths_equal_gensims():
    from gensim.models import Word2Vec

    rng = np.random.default_rng(3)
    counts = np.sort(rng.choice(5000, 200, replace=False))[::-1] + 1
    model = Word2Vec(sg=1, hs=1, negative=0, min_count=1, vector_size=4)
    model.build_vocab_from_freq({f"w{i}": int(n) for i, n in enumerate(counts)})
    theirs = np.array([len(model.wv.get_vecattr(f"w{i}", "code")) for i in range(200)])
    ours = huffman_tree(counts).lengths
    assert (counts * ours).sum() == (counts * theirs).sum()
    assert (ours == theirs).mean() > 0.95  # inner nodes may tie, then two optimal trees differ


@pytest.mark.parametrize("counts", [np.array([]), np.array([3]), np.array([1, -1]), np.ones((2, 2))])
def test_bad_counts_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        huffman_tree(counts)
