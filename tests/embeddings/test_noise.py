"""Noise words and the thinning of frequent words."""

import numpy as np
import pytest
import torch

from course_lib.embeddings.noise import (
    cumulative_table,
    draw_noise,
    keep_probability,
    noise_probability,
)


@pytest.mark.oracle
@pytest.mark.parametrize("power", [0.75, 1.0, 0.0])
def test_the_noise_table_is_gensims_exactly(power):
    from gensim.models import Word2Vec

    counts = np.random.default_rng(0).zipf(1.3, 5000).clip(max=10**8)
    counts = np.sort(counts)[::-1]
    model = Word2Vec(negative=5, ns_exponent=power, min_count=1, vector_size=2)
    model.build_vocab_from_freq({f"w{i}": int(n) for i, n in enumerate(counts)})
    assert np.array_equal(cumulative_table(counts, power), model.cum_table.astype(np.int64))


@pytest.mark.oracle
def test_keep_probabilities_are_gensims():
    from gensim.models import Word2Vec

    counts = np.array([60_000, 30_000, 9000, 900, 90, 9, 1])
    model = Word2Vec(sample=1e-3, min_count=1, vector_size=2)
    model.build_vocab_from_freq({f"w{i}": int(n) for i, n in enumerate(counts)})
    theirs = np.array([model.wv.get_vecattr(f"w{i}", "sample_int") for i in range(7)]) / (2**32 - 1)
    assert np.abs(keep_probability(counts, 1e-3) - theirs).max() < 1e-7


def test_draws_follow_the_distribution(device):
    counts = np.array([1000, 100, 10, 0, 1])
    table = torch.from_numpy(cumulative_table(counts)).to(device)
    draws = draw_noise(table, (400, 500), torch.Generator(device=device).manual_seed(0))
    share = torch.bincount(draws.flatten(), minlength=5).cpu().numpy() / draws.numel()
    expected = noise_probability(counts)
    assert share[3] == 0  # a word that never occurs is never noise
    spread = np.sqrt(expected * (1 - expected) / draws.numel())
    assert (np.abs(share - expected) <= 5 * spread).all()


def test_rare_words_are_all_kept_and_zero_keeps_everything():
    counts = np.array([10**6, 10, 1])
    keep = keep_probability(counts, 1e-3)
    assert keep[0] == pytest.approx(np.sqrt(1e-3) + 1e-3, rel=1e-3)
    assert keep[1:].tolist() == [1, 1]
    assert keep_probability(counts, 0.0).tolist() == [1, 1, 1]


@pytest.mark.parametrize("counts", [np.array([]), np.array([0, 0]), np.array([-1, 2]), np.array([1, np.nan])])
def test_bad_counts_are_refused(counts):
    with pytest.raises(ValueError, match="counts"):
        cumulative_table(counts)


@pytest.mark.parametrize("power", [-1.0, float("nan"), float("inf")])
def test_a_bad_power_is_refused(power):
    with pytest.raises(ValueError, match="power"):
        cumulative_table(np.array([1, 2]), power)


def test_a_threshold_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match="threshold"):
        keep_probability(np.array([1]), 2.0)
