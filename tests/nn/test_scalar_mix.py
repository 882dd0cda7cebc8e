"""The scalar mix: one vector out of several layers."""

import math

import pytest
import torch
from torch import nn

from course_lib.nn.scalar_mix import ScalarMix, scalar_mix


def layers(device, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 2, 4, 5, generator=generator, dtype=torch.float64).to(device)


def test_the_mix_and_its_gradients_are_the_papers_sum_written_out(device):
    h = layers(device).requires_grad_()
    mix = ScalarMix(3).double().to(device)
    with torch.no_grad():
        mix.logits.copy_(torch.tensor([0.3, -1.2, 0.8], dtype=torch.float64))
        mix.gamma.fill_(1.7)
    weight = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64).to(device)
    (mix(h) * weight).sum().backward()

    exponentials = [math.exp(w) for w in (0.3, -1.2, 0.8)]
    s = [e / sum(exponentials) for e in exponentials]
    expected = 1.7 * sum(share * layer for share, layer in zip(s, h.detach(), strict=True))
    torch.testing.assert_close(mix(h).detach(), expected, rtol=1e-12, atol=1e-12)
    # d/dγ = Σ s·(h·g);  d/dw_j = γ·s_j·(h_j·g − Σ s·(h·g))
    dots = [float((layer * weight).sum()) for layer in h.detach()]
    mean = sum(share * dot for share, dot in zip(s, dots, strict=True))
    assert float(mix.gamma.grad) == pytest.approx(mean, rel=1e-10)
    for j in range(3):
        assert float(mix.logits.grad[j]) == pytest.approx(1.7 * s[j] * (dots[j] - mean), rel=1e-10)
        torch.testing.assert_close(h.grad[j], 1.7 * s[j] * weight, rtol=1e-12, atol=1e-12)


@pytest.mark.oracle
def test_normalised_layers_are_torchs_layer_norm_without_gain_or_bias(device):
    h = layers(device)
    norm = nn.LayerNorm(5, elementwise_affine=False).double()
    logits = torch.tensor([1.0, 0.0, -1.0], dtype=torch.float64, device=device)
    gamma = torch.tensor(2.0, dtype=torch.float64, device=device)
    expected = 2 * sum(s * norm(layer) for s, layer in zip(logits.softmax(0), h, strict=True))
    torch.testing.assert_close(scalar_mix(h, logits, gamma, normalise=True), expected, rtol=1e-12, atol=1e-12)


def test_before_training_the_mix_is_the_mean_of_the_layers(device):
    h = layers(device)
    mix = ScalarMix(3).double().to(device)
    torch.testing.assert_close(mix(h), h.mean(0), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(mix(list(h)), mix(h), rtol=0, atol=0)
    assert float(mix.penalty().detach()) == 0


def test_a_heavy_penalty_holds_the_mix_at_the_mean_and_none_lets_it_choose():
    """The target is layer 2 itself."""
    h = layers("cpu").float()

    def weights(factor):
        mix = ScalarMix(3)
        optimizer = torch.optim.Adam(mix.parameters(), lr=0.05)
        for _ in range(200):
            optimizer.zero_grad()
            ((mix(h) - h[2]).square().mean() + factor * mix.penalty()).backward()
            optimizer.step()
        return mix.weights.detach()

    assert float(weights(0.0)[2]) > 0.95
    assert float((weights(100.0) - 1 / 3).abs().max()) < 0.02


def test_bad_input_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^num_layers must be 1 or more, got 0"):
        ScalarMix(0)
    with pytest.raises(ValueError, match=r"^layers must be 3 layers, got 2"):
        ScalarMix(3)(layers("cpu").float()[:2])
