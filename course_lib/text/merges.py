"""The two algorithms of byte-pair encoding: learn which pairs to join, and join them in a new word.

Sennrich, Haddow and Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
arXiv:1508.07909, Algorithm 1. Learning starts from single characters and joins the most frequent pair of
neighbours again and again; encoding replays the joins in the order learned. Ties go to the pair with the
smaller ids, as in Hugging Face tokenizers (the paper leaves them open), and an overlapping run ("aaa") counts
each neighbouring pair.
"""

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

Pair = tuple[int, int]


def merge_word(word: list[int], pair: Pair, new: int) -> tuple[list[int], list[tuple[Pair, int]]]:
    """Join `pair` everywhere in `word`, from left to right.

    Returns:
        The new word, and by how much each neighbouring pair's count changes: a list of (pair, -1 or +1).
    """
    merged: list[int] = []
    changes: list[tuple[Pair, int]] = []
    i = 0
    while i < len(word):
        if word[i] == pair[0] and i + 1 < len(word) and word[i + 1] == pair[1]:
            if merged:
                changes += [((merged[-1], pair[0]), -1), ((merged[-1], new), 1)]
            if i + 2 < len(word):
                changes += [((pair[1], word[i + 2]), -1), ((new, word[i + 2]), 1)]
            merged.append(new)
            i += 2
        else:
            merged.append(word[i])
            i += 1
    return merged, changes


def learn_merges(
    words: Sequence[Sequence[str]],
    counts: Sequence[int],
    symbols: Sequence[str],
    vocab_size: int,
    *,
    min_frequency: int = 1,
    prefix: str = "",
) -> tuple[list[tuple[str, str]], list[str]]:
    """Algorithm 1 of the paper, with the pair counts kept up to date instead of counted anew.

    A heap holds every pair with the words it stood in. Counts only move in words that hold the merged pair,
    and a stale heap entry gets its present count when it comes up, so a merge costs what it changes.

    Args:
        words: each different word as a list of symbols; all of them in `symbols`.
        counts: how often each word was seen.
        symbols: the vocabulary to start from; a symbol's place is its id, and ids break ties.
        vocab_size: stop when there are as many symbols.
        min_frequency: stop when the most frequent pair is rarer.
        prefix: what marks a symbol inside a word ("##"); the right part of a merge loses it.
    Returns:
        The merges as pairs of symbols in the order learned, and the vocabulary with the new symbols at its
        end.
    """
    names = list(symbols)
    index = {name: i for i, name in enumerate(names)}
    spelled = [[index[symbol] for symbol in word] for word in words]
    pair_counts: defaultdict[Pair, int] = defaultdict(int)
    where: defaultdict[Pair, set[int]] = defaultdict(set)
    for i, word in enumerate(spelled):
        for pair in pairwise(word):
            pair_counts[pair] += counts[i]
            where[pair].add(i)
    heap = [(-pair_counts[pair], pair, places) for pair, places in where.items()]
    heapq.heapify(heap)
    merges: dict[Pair, None] = {}
    while heap and len(names) < vocab_size:
        negative, pair, places = heapq.heappop(heap)
        count = pair_counts[pair]
        if -negative != count:  # out of date: back with the count of now
            heapq.heappush(heap, (-count, pair, places))
            continue
        if count < max(1, min_frequency):
            break
        # pair* ← argmax over pairs of count(pair)   (Alg. 1: best = max(pairs, key=pairs.get))
        joined = names[pair[0]] + names[pair[1]].removeprefix(prefix)
        new = index.setdefault(joined, len(names))
        if new == len(names):
            names.append(joined)
        # A symbol with a second spelling brings pairs up again; such a pair keeps the later rank.
        merges.pop(pair, None)
        merges[pair] = None
        touched: defaultdict[Pair, set[int]] = defaultdict(set)
        for i in places:
            spelled[i], changes = merge_word(spelled[i], pair, new)
            for neighbour, change in changes:
                pair_counts[neighbour] += change * counts[i]
                if change > 0:
                    touched[neighbour].add(i)
        for neighbour, new_places in touched.items():
            if pair_counts[neighbour] > 0:
                heapq.heappush(heap, (-pair_counts[neighbour], neighbour, new_places))
    return [(names[a], names[b]) for a, b in merges], names


def apply_merges(word: Sequence[int], ranks: Mapping[Pair, tuple[int, int]]) -> list[int]:
    """Encode one word: of the pairs present, always join the one learned first, the leftmost of equals.

    A heap over a doubly linked list makes a word of n symbols cost O(n log n), so a word of 10,000
    characters is no problem.

    Args:
        word: ids of the single characters.
        ranks: pair of ids -> (rank, id of the joined symbol).
    """
    ids = list(word)
    after = [*range(1, len(ids)), -1]
    before = list(range(-1, len(ids) - 1))
    heap = [(*ranks[pair], i, pair) for i, pair in enumerate(pairwise(ids)) if pair in ranks]
    heapq.heapify(heap)
    while heap:
        _, new, i, pair = heapq.heappop(heap)
        j = after[i]
        if j < 0 or (ids[i], ids[j]) != pair:  # one of the two has been joined to something else
            continue
        ids[i], ids[j] = new, -1
        after[i] = after[j]
        if after[j] >= 0:
            before[after[j]] = i
        after[j] = -1
        for left, right in ((before[i], i), (i, after[i])):
            if left >= 0 and right >= 0 and (fresh := (ids[left], ids[right])) in ranks:
                heapq.heappush(heap, (*ranks[fresh], left, fresh))
    return [i for i in ids if i >= 0]
