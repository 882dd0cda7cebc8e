"""Windows of neighbours against a double loop."""

import torch

from course_lib.embeddings.windows import context_windows, draw_reach, skipgram_pairs

GENERATOR = torch.Generator().manual_seed(0)


def loop_pairs(ids, sentence, reach):
    """Every (centre, neighbour) by two plain loops."""
    return sorted(
        (int(ids[i]), int(ids[j]))
        for i in range(len(ids))
        for j in range(len(ids))
        if i != j and abs(i - j) <= reach[i] and sentence[i] == sentence[j]
    )


def test_pairs_equal_a_double_loop(device):
    ids = torch.randint(50, (40,), generator=GENERATOR)
    sentence = torch.arange(40) // 7
    reach = draw_reach(40, 4, GENERATOR)
    center, target = skipgram_pairs(context_windows(ids.to(device), sentence.to(device), reach.to(device), 4))
    assert sorted(zip(center.tolist(), target.tolist(), strict=True)) == loop_pairs(ids, sentence, reach)


def test_no_pair_ever_crosses_a_sentence():
    ids = torch.arange(60)
    center, target = skipgram_pairs(context_windows(ids, ids // 5, torch.full((60,), 10), 10))
    assert (center // 5 == target // 5).all()
    assert len(center) == 12 * 5 * 4


def test_a_window_larger_than_the_text_gives_all_pairs():
    center, _ = skipgram_pairs(context_windows(torch.arange(3), torch.zeros(3), torch.full((3,), 900), 900))
    assert len(center) == 6


def test_one_word_or_none_has_no_neighbour():
    for size in (0, 1):
        ids = torch.zeros(size, dtype=torch.int64)
        center, _ = skipgram_pairs(context_windows(ids, ids, ids + 2, 2))
        assert len(center) == 0


def test_reach_is_uniform_from_one_to_window():
    share = torch.bincount(draw_reach(60_000, 5, GENERATOR), minlength=6) / 60_000
    assert share[0] == 0
    assert (share[1:] - 0.2).abs().max() < 0.01
