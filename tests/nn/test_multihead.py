"""Multi-head attention against torch's module, with masks, caches, relative scores and precision."""

import pytest
import torch

from course_lib.nn.kv_cache import KVCache
from course_lib.nn.masks import causal_mask, key_mask
from course_lib.nn.multihead import MultiHeadAttention
from course_lib.nn.positions import T5Bias
from course_lib.nn.relative_positions import ShawRelative

B, T, S, D, H, M = 3, 5, 7, 12, 3, 8


def make(device, **options) -> MultiHeadAttention:
    torch.manual_seed(0)
    return MultiHeadAttention(D, H, **options).double().to(device).eval()


@pytest.fixture
def inputs(device):
    generator = torch.Generator().manual_seed(1)
    shapes = {"x": (B, T, D), "memory": (B, S, M)}
    return {
        name: torch.randn(shape, generator=generator, dtype=torch.float64).to(device)
        for name, shape in shapes.items()
    }


def theirs_with_weights_of(ours: MultiHeadAttention, size: int) -> torch.nn.MultiheadAttention:
    theirs = torch.nn.MultiheadAttention(
        D, H, batch_first=True, kdim=size, vdim=size, dtype=torch.float64, device=ours.query.weight.device
    )
    maps = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        if theirs.in_proj_weight is not None:
            theirs.in_proj_weight.copy_(torch.cat([m.weight for m in maps]))
        else:
            for name, m in zip("qkv", maps, strict=True):
                getattr(theirs, f"{name}_proj_weight").copy_(m.weight)
        theirs.in_proj_bias.copy_(torch.cat([m.bias for m in maps]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    return theirs


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [False, True], ids=["fused", "explicit"])
@pytest.mark.parametrize("kind", ["self", "causal", "padded", "memory"])
def test_it_is_torchs_module_forward_and_backward(inputs, device, kind, weights):
    size = M if kind == "memory" else D
    ours = make(device, memory_size=size)
    theirs = theirs_with_weights_of(ours, size)
    x = inputs["x"].requires_grad_()
    source = inputs["memory"].requires_grad_() if kind == "memory" else x
    counts = torch.ones(B, source.shape[1], dtype=torch.bool, device=device)
    if kind in ("padded", "memory"):
        counts[1, 3:], counts[2, :2] = False, False
    out, maps = ours(
        x,
        source if kind == "memory" else None,
        mask=key_mask(counts),
        causal=kind == "causal",
        output_attentions=weights,
    )
    no = ~causal_mask(T, device) if kind == "causal" else None
    expected, their_maps = theirs(
        x, source, source, key_padding_mask=~counts, attn_mask=no, average_attn_weights=False
    )
    torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-9)
    if weights:
        torch.testing.assert_close(maps, their_maps, rtol=1e-9, atol=1e-9)
    cotangent = torch.randn_like(out)
    wanted = [x, *([source] if kind == "memory" else [])]
    for a, b in zip(
        torch.autograd.grad(out, [*wanted, ours.output.weight], cotangent),
        torch.autograd.grad(expected, [*wanted, theirs.out_proj.weight], cotangent),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("weights", [False, True], ids=["fused", "explicit"])
def test_a_row_that_may_see_nothing_is_zero_with_finite_gradients(inputs, device, weights):
    ours = make(device)
    x = inputs["x"].requires_grad_()
    mask = torch.ones(B, 1, T, T, dtype=torch.bool, device=device)
    mask[1] = False
    out, _ = ours(x, mask=mask, output_attentions=weights)
    torch.testing.assert_close(out[1], ours.output.bias.expand(T, D))
    (gradient,) = torch.autograd.grad(out.sum(), x)
    assert gradient.isfinite().all()
    assert (gradient[0] != 0).any()


@pytest.mark.parametrize("relative", [None, "t5", "shaw"])
def test_cached_steps_equal_one_pass(inputs, device, relative):
    hooks = {
        "t5": lambda: T5Bias(H, bidirectional=False),
        "shaw": lambda: ShawRelative(D // H, max_distance=3),
    }
    torch.manual_seed(3)
    hook = hooks[relative]() if relative else None
    ours = make(device, relative=hook)
    x = inputs["x"]
    with torch.no_grad():
        whole, _ = ours(x, causal=True)
        cache = KVCache(T)
        parts = [ours(part, causal=True, cache=cache)[0] for part in (x[:, :2], x[:, 2:3], x[:, 3:])]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)


def test_a_memorys_keys_are_computed_once(inputs, device):
    ours = make(device, memory_size=M)
    x, memory = inputs["x"], inputs["memory"]
    with torch.no_grad():
        whole, _ = ours(x, memory)
        cache = KVCache(S)
        ours(x[:, :1], memory, cache=cache)
        later, _ = ours(x[:, 1:], torch.full_like(memory, torch.nan), cache=cache)
    torch.testing.assert_close(later, whole[:, 1:])


@pytest.mark.parametrize("relative", ["t5", "shaw"])
def test_relative_scores_are_the_same_on_both_paths(inputs, device, relative):
    torch.manual_seed(3)
    hook = T5Bias(H) if relative == "t5" else ShawRelative(D // H, max_distance=3)
    ours = make(device, relative=hook)
    counts = torch.tensor([[True] * 5, [True] * 3 + [False] * 2, [False] + [True] * 4], device=device)
    fused, _ = ours(inputs["x"], mask=key_mask(counts))
    explicit, weights = ours(inputs["x"], mask=key_mask(counts), output_attentions=True)
    torch.testing.assert_close(fused, explicit)
    assert (weights[1, :, :, 3:] == 0).all()
    plain, _ = make(device)(inputs["x"], mask=key_mask(counts))
    assert not torch.allclose(fused, plain)


def test_dropout_acts_on_both_paths_in_training_alone(inputs, device):
    ours = make(device, dropout=0.5)
    for weights in (False, True):
        ours.eval()
        a, b = (ours(inputs["x"], output_attentions=weights)[0] for _ in range(2))
        torch.testing.assert_close(a, b)
        ours.train()
        a, b = (ours(inputs["x"], output_attentions=weights)[0] for _ in range(2))
        assert not torch.allclose(a, b)


def test_weights_are_not_made_unless_asked_for(inputs, device):
    assert make(device)(inputs["x"])[1] is None


def test_bad_arguments_are_named(inputs, device):
    with pytest.raises(ValueError, match="num_heads must divide hidden_size"):
        MultiHeadAttention(10, 3)
    with pytest.raises(ValueError, match="mask must be boolean"):
        make(device)(inputs["x"], mask=torch.ones(B, 1, 1, T, device=device))
    with pytest.raises(ValueError, match="max_length must be at least 5"):
        make(device)(inputs["x"], cache=KVCache(4))
    with pytest.raises(ValueError, match="max_length must be 1 or more"):
        KVCache(0)
    with pytest.raises(ValueError, match="at least one position"):
        KVCache(3).held()


def test_reordering_a_cache_takes_whole_rows(inputs, device):
    ours = make(device)
    rows = torch.tensor([2, 0, 0], device=device)
    with torch.no_grad():
        cache = KVCache(T)
        ours(inputs["x"][:, :3], causal=True, cache=cache)
        cache.reorder(rows)
        out, _ = ours(inputs["x"][rows][:, 3:], causal=True, cache=cache)
        whole, _ = ours(inputs["x"][rows], causal=True)
    torch.testing.assert_close(out, whole[:, 3:])
    assert cache.bytes == 2 * B * H * T * (D // H) * 8


@pytest.mark.oracle
@pytest.mark.parametrize("weights", [False, True], ids=["fused", "explicit"])
def test_a_causal_mask_and_a_padding_mask_act_together(inputs, device, weights):
    ours = make(device)
    theirs = theirs_with_weights_of(ours, D)
    counts = torch.ones(B, T, dtype=torch.bool, device=device)
    counts[1, 3:], counts[2, 4:] = False, False
    out, _ = ours(inputs["x"], mask=key_mask(counts), causal=True, output_attentions=weights)
    expected, _ = theirs(
        inputs["x"], inputs["x"], inputs["x"], key_padding_mask=~counts, attn_mask=~causal_mask(T, device)
    )
    torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(out, ours(inputs["x"], causal=True)[0])
