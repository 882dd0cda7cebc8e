"""Masks: rates within binomial bounds, words whole, 80/10/10 by chi-square, special tokens untouched."""

import pytest
import torch
from scipy import stats

from course_lib.pretraining.masking import VocabFacts, choose_tokens, choose_words, corrupt, mask_tokens

FACTS = VocabFacts(1000, 4, (0, 1, 2, 3, 4))


def seeded(device, seed=0):
    return torch.Generator(device).manual_seed(seed)


@pytest.fixture
def ids(device):
    ids = torch.randint(5, 1000, (64, 200), generator=torch.Generator().manual_seed(0))
    ids[:, 0], ids[:, 100], ids[:, 190:] = 2, 3, 0
    return ids.to(device)


def within_binomial(hits: int, n: int, p: float) -> bool:
    return bool(stats.binomtest(int(hits), int(n), p).pvalue > 1e-4)


@pytest.mark.parametrize("rate", [0.15, 0.4])
def test_the_rate_is_binomial_and_special_tokens_are_never_chosen(ids, device, rate):
    out = mask_tokens(ids, FACTS, rate=rate, generator=seeded(device))
    words = FACTS.maskable(ids)
    assert not (out.counts & ~words).any()
    assert within_binomial(out.counts.sum(), words.sum(), rate)
    assert (out.targets == ids).all()
    assert (out.inputs[~out.counts] == ids[~out.counts]).all()


def test_chosen_tokens_become_masks_random_words_or_stay_in_8_1_1(ids, device):
    out = mask_tokens(ids, FACTS, rate=0.5, generator=seeded(device))
    n = int(out.counts.sum())
    masked = int((out.inputs[out.counts] == FACTS.mask_id).sum())
    stayed = int((out.inputs[out.counts] == ids[out.counts]).sum())
    # a random word is the old one in 1 of 995 cases
    p = [0.8, 0.1 + 0.1 / 995, 0.1 - 0.1 / 995]
    assert stats.chisquare([masked, stayed, n - masked - stayed], [n * x for x in p]).pvalue > 1e-4
    swapped = out.inputs[out.counts & (out.inputs != ids) & (out.inputs != FACTS.mask_id)]
    assert not torch.isin(swapped, torch.tensor(FACTS.special_ids, device=device)).any()
    assert len(swapped.unique()) > 250


def test_words_are_chosen_whole_and_at_the_rate(device):
    sizes = torch.randint(1, 5, (400, 60), generator=torch.Generator().manual_seed(1))
    rows = [torch.repeat_interleave(torch.arange(60), row)[:100] for row in sizes]
    word_ids = torch.full((400, 102), -1)
    for i, row in enumerate(rows):
        word_ids[i, 1 : 1 + len(row)] = row
    word_ids = word_ids.to(device)
    chosen = choose_words(word_ids, 0.15, generator=seeded(device))
    assert not chosen[word_ids < 0].any()
    total = hits = 0
    for i in range(400):
        for word in word_ids[i].unique().tolist():
            if word >= 0:
                pieces = chosen[i][word_ids[i] == word]
                assert pieces.all() or not pieces.any()
                total, hits = total + 1, hits + bool(pieces.all())
    assert within_binomial(hits, total, 0.15)


def test_single_piece_words_make_both_ways_alike(ids, device):
    word_ids = torch.arange(200, device=device).expand(64, 200).masked_fill(~FACTS.maskable(ids), -1)
    out = mask_tokens(ids, FACTS, word_ids=word_ids, generator=seeded(device))
    assert within_binomial(out.counts.sum(), FACTS.maskable(ids).sum(), 0.15)
    assert not (out.counts & ~FACTS.maskable(ids)).any()


def test_a_text_whose_coins_choose_nothing_gives_one_word(device):
    maskable = torch.tensor([[False, True, True, False]] * 2000 + [[False] * 4], device=device)
    chosen = choose_tokens(maskable, 0.01, generator=seeded(device))
    assert (chosen.sum(-1)[:-1] >= 1).all()
    assert not chosen[-1].any()
    assert not (chosen & ~maskable).any()
    free = choose_tokens(maskable, 0.01, generator=seeded(device), at_least_one=False)
    assert within_binomial(free.sum(), maskable.sum(), 0.01)


def test_the_same_generator_gives_the_same_masks_and_another_seed_others(ids, device):
    a, b, c = (mask_tokens(ids, FACTS, generator=seeded(device, seed)) for seed in (1, 1, 2))
    assert (a.inputs == b.inputs).all()
    assert (a.counts == b.counts).all()
    assert (a.counts != c.counts).any()


def test_shares_of_one_kind_only(ids, device):
    chosen = choose_tokens(FACTS.maskable(ids), generator=seeded(device))
    all_masked = corrupt(ids, chosen, FACTS, mask_share=1.0, random_share=0.0)
    assert (all_masked.inputs[chosen] == FACTS.mask_id).all()
    kept = corrupt(ids, chosen, FACTS, mask_share=0.0, random_share=0.0)
    assert (kept.inputs == ids).all()


def test_facts_of_a_list_of_symbols():
    facts = VocabFacts.of(["[PAD]", "[MASK]", "a", "b"], ["[PAD]", "[MASK]", "[CLS]"])
    assert facts == VocabFacts(4, 1, (0, 1))


def test_bad_arguments_are_named(ids):
    with pytest.raises(ValueError, match="rate must be above 0"):
        choose_tokens(ids > 0, 0.0)
    with pytest.raises(ValueError, match="mask_share and random_share"):
        corrupt(ids, ids > 0, FACTS, mask_share=0.9, random_share=0.2)
    with pytest.raises(ValueError, match="mask_id must lie in"):
        VocabFacts(5, 5, ())
    with pytest.raises(ValueError, match="special_ids must leave some words"):
        VocabFacts(2, 1, (0, 1))
    with pytest.raises(ValueError, match="vocab must hold"):
        VocabFacts.of(["a"], [])
