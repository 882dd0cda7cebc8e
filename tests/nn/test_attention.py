"""Attention scores against torch's own modules and against plain loops in float64."""

import math

import pytest
import torch

from course_lib.nn import attention

B, T, S, K, D = 2, 3, 5, 4, 6


@pytest.fixture
def tensors(device):
    generator = torch.Generator().manual_seed(0)
    shapes = {"query": (B, T, K), "key": (B, S, K), "value": (B, S, D), "wide": (B, S, D)}
    return {n: torch.randn(s, generator=generator, dtype=torch.float64).to(device) for n, s in shapes.items()}


def test_dot_scores_are_dot_products(tensors):
    scores = attention.dot_scores(tensors["query"], tensors["key"])
    scaled = attention.scaled_dot_scores(tensors["query"], tensors["key"])
    for b in range(B):
        for t in range(T):
            for s in range(S):
                expected = float(tensors["query"][b, t] @ tensors["key"][b, s])
                assert float(scores[b, t, s]) == pytest.approx(expected, rel=1e-12)
                assert float(scaled[b, t, s]) == pytest.approx(expected / math.sqrt(K), rel=1e-12)


@pytest.mark.oracle
def test_bilinear_scores_are_those_of_torch(tensors, device):
    score = attention.BilinearScore(K, D).double().to(device)
    theirs = torch.nn.Bilinear(K, D, 1, bias=False).double().to(device)
    theirs.weight.data = score.project.weight.data.unsqueeze(0)
    query = tensors["query"].unsqueeze(2).expand(B, T, S, K).contiguous()
    key = tensors["wide"].unsqueeze(1).expand(B, T, S, D).contiguous()
    expected = theirs(query, key).squeeze(-1)
    torch.testing.assert_close(score(tensors["query"], tensors["wide"]), expected, rtol=1e-9, atol=1e-9)


def test_additive_scores_are_a_network_with_one_hidden_layer(tensors, device):
    score = attention.AdditiveScore(K, D, 7).double().to(device)
    ours = score(tensors["query"], tensors["wide"])
    w, u, c, v = score.query.weight, score.key.weight, score.key.bias, score.value.weight[0]
    for b in range(B):
        for t in range(T):
            for s in range(S):
                hidden = torch.tanh(w @ tensors["query"][b, t] + u @ tensors["wide"][b, s] + c)
                assert float(ours.detach()[b, t, s]) == pytest.approx(float((v @ hidden).detach()), rel=1e-12)


@pytest.mark.oracle
def test_scaled_dot_attention_is_the_one_of_torch_with_and_without_a_mask(tensors, device):
    query, key, value = (tensors[n].clone().requires_grad_() for n in ("query", "key", "value"))
    mask = torch.rand(B, 1, S, generator=torch.Generator().manual_seed(1)).to(device) < 0.6
    mask[:, :, 0] = True
    for m in (None, mask):
        ours, weights = attention.attend(attention.scaled_dot_scores(query, key), value, m)
        theirs = torch.nn.functional.scaled_dot_product_attention(query, key, value, m)
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)
        grads = [torch.autograd.grad(out.square().sum(), (query, key, value)) for out in (ours, theirs)]
        for a, b in zip(*grads, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(weights.sum(-1), torch.ones(B, T, dtype=torch.float64, device=device))


@pytest.mark.parametrize("kind", ["dot", "scaled", "bilinear", "additive"])
def test_masked_keys_get_no_weight_and_no_gradient(tensors, device, kind):
    score = {
        "dot": attention.dot_scores,
        "scaled": attention.scaled_dot_scores,
        "bilinear": attention.BilinearScore(K, K).double().to(device),
        "additive": attention.AdditiveScore(K, K, 7).double().to(device),
    }[kind]
    key = tensors["key"].clone().requires_grad_()
    mask = torch.tensor([[True, True, False, True, False]] * B, device=device).unsqueeze(1)
    context, weights = attention.attend(score(tensors["query"], key), tensors["value"], mask)
    assert (weights[..., [2, 4]] == 0).all()
    (gradient,) = torch.autograd.grad(context.sum(), key)
    assert (gradient[:, [2, 4]] == 0).all()
    assert (gradient[:, 0] != 0).any()


@pytest.mark.parametrize("width", [4, 64, 1024])
def test_dot_products_have_variance_k_and_scaled_ones_variance_one(width):
    query, key = torch.randn(2, 20_000, 1, width, generator=torch.Generator().manual_seed(0))
    # The variance of a sample of 20,000 is within 5 % of the truth.
    assert float(attention.dot_scores(query, key).var()) == pytest.approx(width, rel=0.05)
    assert float(attention.scaled_dot_scores(query, key).var()) == pytest.approx(1, rel=0.05)


def test_the_additive_score_is_the_network_on_the_joined_pair(tensors, device):
    score = attention.AdditiveScore(K, D, 7).double().to(device)
    joined = torch.cat(
        [
            tensors["query"].unsqueeze(2).expand(B, T, S, K),
            tensors["wide"].unsqueeze(1).expand(B, T, S, D),
        ],
        dim=-1,
    )
    first = torch.cat([score.query.weight, score.key.weight], dim=1)  # W₁ of w₂ᵀ tanh(W₁ [q; k])
    hidden = torch.tanh(joined @ first.T + score.key.bias)
    expected = (hidden @ score.value.weight.T).squeeze(-1)
    torch.testing.assert_close(score(tensors["query"], tensors["wide"]), expected, rtol=1e-9, atol=1e-9)


def test_queries_and_keys_of_different_widths_are_refused(tensors):
    with pytest.raises(ValueError, match=f"key must be as wide as query \\({K}\\), got {D}"):
        attention.dot_scores(tensors["query"], tensors["wide"])
