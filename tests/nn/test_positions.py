"""Position encodings against closed forms, transformers' T5, and plain loops in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib.nn import positions as absolute
from course_lib.nn import relative_positions as relative
from course_lib.nn.multihead import MultiHeadAttention

B, H, K = 2, 3, 4
SIZES = [(5, 5), (3, 7), (1, 6), (1, 1)]  # (T, S): whole texts, cached decoding, one step, one word


def normal(*shape, seed=0, device="cpu"):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(device)


def scheme(name):
    torch.manual_seed(0)
    module = {
        "NEZHA": lambda: relative.FunctionalRelative(K, max_distance=2),
        "Shaw": lambda: relative.ShawRelative(K, max_distance=2),
        "Shaw, keys only": lambda: relative.ShawRelative(K, max_distance=2, values=False),
        "T5": lambda: absolute.T5Bias(H, num_buckets=8, max_distance=10),
        "Transformer-XL": lambda: relative.TransformerXLRelative(H * K, H),
    }[name]()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter)
    return module.double()


SCHEMES = ["NEZHA", "Shaw", "Shaw, keys only", "T5", "Transformer-XL"]


# ---------------------------------------------------------------- absolute


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_the_sinusoid_is_the_papers_formula(device, size):
    table = absolute.sinusoid(torch.arange(-2, 9, device=device), size, dtype=torch.float64)
    for row, p in enumerate(range(-2, 9)):
        for c in range(size):
            angle = p / 10_000 ** ((c - c % 2) / size)
            expected = math.cos(angle) if c % 2 else math.sin(angle)
            assert float(table[row, c]) == pytest.approx(expected, abs=1e-12)


@given(st.integers(1, 17), st.integers(-40, 40))
@settings(deadline=None)
def test_both_layouts_hold_the_same_numbers(size, position):
    wave = absolute.sinusoid(torch.tensor(position), size)
    apart = absolute.sinusoid(torch.tensor(position), size, interleaved=False)
    torch.testing.assert_close(torch.cat([wave[0::2], wave[1::2]]), apart)


@given(st.integers(0, 500), st.integers(-500, 500), st.sampled_from([2, 8, 64]))
@settings(deadline=None)
def test_products_of_sinusoids_depend_on_the_distance_without_its_sign(p, k, size):
    here, there, back = absolute.sinusoid(torch.tensor([p, p + k, p - k]), size, dtype=torch.float64)
    closed = sum(math.cos(k / 10_000 ** (2 * i / size)) for i in range(size // 2))
    assert float(here @ there) == pytest.approx(closed, abs=1e-9)
    assert float(here @ back) == pytest.approx(closed, abs=1e-9)


def test_shifting_a_sinusoid_is_a_rotation_that_does_not_depend_on_the_place():
    size, k = 6, 5
    first, later = (absolute.sinusoid(torch.arange(s, s + 9), size, dtype=torch.float64) for s in (0, 100))
    rotation = torch.zeros(size, size, dtype=torch.float64)
    for i in range(size // 2):
        a = k / 10_000 ** (2 * i / size)
        rotation[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = torch.tensor(
            [[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]], dtype=torch.float64
        )
    for table in (first, later):
        torch.testing.assert_close(table[:-k] @ rotation.T, table[k:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", ["sinusoidal", "learned"])
def test_cached_steps_get_the_vectors_of_the_whole_text(device, kind):
    torch.manual_seed(0)
    module = absolute.SinusoidalPositions(K) if kind == "sinusoidal" else absolute.LearnedPositions(9, K)
    module, x = module.double().to(device), normal(B, 9, K, device=device)
    whole = module(x)
    steps = [module(x[:, t : t + 1], offset=t) for t in range(9)]
    torch.testing.assert_close(torch.cat(steps, dim=1), whole, rtol=0, atol=0)
    explicit = module(x, positions=torch.arange(9, device=device).expand(B, 9))
    torch.testing.assert_close(explicit, whole, rtol=0, atol=0)
    assert not torch.equal(whole[:, 0] - x[:, 0], whole[:, 1] - x[:, 1])


def test_a_learned_vector_gets_gradient_from_its_own_position_alone():
    module = absolute.LearnedPositions(6, K)
    module(torch.zeros(B, 2, K), offset=3)[:, 1].sum().backward()
    assert module.table.weight.grad.abs().sum(-1).tolist() == [0, 0, 0, 0, B * K, 0]


def test_low_precision_inputs_do_not_make_the_angles_coarse():
    far = torch.tensor([1000, 1001])  # bfloat16 cannot tell these two apart
    rows = absolute.sinusoid(far, 8, dtype=torch.bfloat16)
    exact = absolute.sinusoid(far, 8, dtype=torch.float64)
    torch.testing.assert_close(rows.double(), exact, rtol=0, atol=5e-3)


# ---------------------------------------------------------------- T5


@pytest.mark.oracle
@pytest.mark.parametrize("buckets", [(32, 128), (8, 20), (32, 1000), (4, 5)])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_buckets_are_those_of_transformers_t5(device, buckets, bidirectional):
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = torch.arange(-1500, 1500, device=device)
    theirs = T5Attention._relative_position_bucket(distances, bidirectional, *buckets)
    assert torch.equal(absolute.t5_bucket(distances, *buckets, bidirectional), theirs)


@pytest.mark.oracle
@pytest.mark.parametrize("decoder", [True, False])
def test_the_bias_and_its_gradient_are_those_of_transformers_t5(device, decoder):
    from transformers import T5Config
    from transformers.models.t5.modeling_t5 import T5Attention

    config = T5Config(d_model=H * K, d_kv=K, num_heads=H, is_decoder=decoder)
    theirs = T5Attention(config, has_relative_attention_bias=True, layer_idx=0).double().to(device)
    ours = absolute.T5Bias(H, bidirectional=not decoder).double().to(device)
    ours.bias.load_state_dict(theirs.relative_attention_bias.state_dict())
    for queries, keys in [(40, 40), (3, 200), (1, 7)]:
        query, key = normal(B, H, queries, K, device=device), normal(B, H, keys, K, device=device)
        mine = ours.scores(query, key).expand(1, -1, -1, -1)
        expected = theirs.compute_bias(queries, keys, past_seen_tokens=keys - queries)
        torch.testing.assert_close(mine, expected, rtol=0, atol=0)
        weights = normal(*mine.shape, seed=1, device=device)
        (got,) = torch.autograd.grad((mine * weights).sum(), ours.bias.weight)
        (want,) = torch.autograd.grad((expected * weights).sum(), theirs.relative_attention_bias.weight)
        torch.testing.assert_close(got, want, rtol=1e-9, atol=1e-9)


# ---------------------------------------------------------------- vectors for distances


def clip(distance, most=2):
    return max(-most, min(most, distance))


def wave(position, size, interleaved=True):
    angles = [position / 10_000 ** (2 * i / size) for i in range(size // 2)]
    pairs = [[math.sin(a), math.cos(a)] for a in angles]
    order = pairs if interleaved else zip(*pairs, strict=True)
    return torch.tensor([x for pair in order for x in pair], dtype=torch.float64)


def looped_score(name, module, q, k, distance, head):
    """What a scheme adds to q·k / √K for one query, one key and their distance j − i."""
    if name == "NEZHA":
        return q @ wave(clip(distance), K) / math.sqrt(K)
    if name.startswith("Shaw"):
        return q @ module.keys.weight[clip(distance) + 2] / math.sqrt(K)
    rows = slice(head * K, (head + 1) * K)
    u, v = module.content_bias[head], module.position_bias[head]
    r = module.project.weight[rows] @ wave(-distance, H * K, interleaved=False)
    # terms b, c, d of arXiv:1901.02860, section 3.3
    return (q @ r + u @ k + v @ r) / math.sqrt(K)


@pytest.mark.parametrize("name", [s for s in SCHEMES if s != "T5"])
@pytest.mark.parametrize(("T", "S"), SIZES)
def test_scores_and_gradients_equal_a_loop_over_pairs(name, T, S):
    module = scheme(name)
    query, key = normal(B, H, T, K).requires_grad_(), normal(B, H, S, K, seed=1).requires_grad_()
    looped = torch.stack(
        [
            looped_score(name, module, query[b, h, i], key[b, h, j], j - (S - T + i), h)
            for b in range(B)
            for h in range(H)
            for i in range(T)
            for j in range(S)
        ]
    ).view(B, H, T, S)
    scores = module.scores(query, key).expand(B, H, T, S)
    torch.testing.assert_close(scores, looped, rtol=1e-9, atol=1e-9)
    inputs = [query, key, *module.parameters()]
    weights = normal(B, H, T, S, seed=2)
    grads = [
        torch.autograd.grad((x * weights).sum(), inputs, allow_unused=True, materialize_grads=True)
        for x in (scores, looped)
    ]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["NEZHA", "Shaw"])
@pytest.mark.parametrize(("T", "S"), SIZES)
def test_contexts_and_gradients_equal_a_loop_over_pairs(name, T, S):
    module = scheme(name)
    weights = normal(B, H, T, S).softmax(-1).requires_grad_()

    def vector(distance):
        return wave(clip(distance), K) if name == "NEZHA" else module.values.weight[clip(distance) + 2]

    looped = torch.stack(
        [sum(weights[..., i, j, None] * vector(j - (S - T + i)) for j in range(S)) for i in range(T)], dim=-2
    )
    context = module.context(weights)
    torch.testing.assert_close(context, looped, rtol=1e-9, atol=1e-9)
    inputs = [weights, *([module.values.weight] if name == "Shaw" else [])]
    pull = normal(B, H, T, K, seed=2)
    grads = [torch.autograd.grad((x * pull).sum(), inputs) for x in (context, looped)]
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", SCHEMES)
def test_only_schemes_that_touch_the_values_return_a_context(name):
    module = scheme(name)
    assert (
        module.context(torch.full((B, H, 3, 3), 1 / 3, dtype=torch.float64)) is not None
    ) == module.on_values


@given(st.integers(1, 6), st.integers(0, 6))
@settings(deadline=None)
def test_unshift_is_the_transpose_of_shift(T, more):
    S = T + more
    x, y = normal(2, T, S + T), normal(2, T, S, seed=1)
    assert float((relative.shift(x) * y).sum()) == pytest.approx(
        float((x * relative.unshift(y)).sum()), abs=1e-9
    )


# ---------------------------------------------------------------- inside attention


@pytest.mark.parametrize("name", SCHEMES)
def test_moving_a_text_along_changes_nothing_but_order_does(device, name):
    torch.manual_seed(0)
    layer = MultiHeadAttention(H * K, H, relative=scheme(name)).double().to(device)
    x = normal(B, 6, H * K, device=device)
    hidden = torch.tensor([[False] * 3 + [True] * 6] * B, device=device).view(B, 1, 1, 9)
    moved = layer(torch.cat([normal(B, 3, H * K, seed=3, device=device), x], dim=1), mask=hidden)[0][:, 3:]
    torch.testing.assert_close(moved, layer(x)[0], rtol=1e-9, atol=1e-9)
    order = torch.tensor([3, 1, 2, 0, 5, 4], device=device)
    assert (layer(x[:, order])[0] - layer(x)[0][:, order]).abs().max() > 1e-3


def test_without_positions_attention_only_permutes_its_outputs(device):
    torch.manual_seed(0)
    layer = MultiHeadAttention(H * K, H).double().to(device)
    x, order = normal(B, 6, H * K, device=device), torch.tensor([3, 1, 2, 0, 5, 4], device=device)
    torch.testing.assert_close(layer(x[:, order])[0], layer(x)[0][:, order], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SCHEMES)
def test_a_layer_with_positions_compiles_in_one_graph(name):
    layer = MultiHeadAttention(H * K, H, relative=scheme(name)).double()
    x = normal(B, 6, H * K)
    compiled = torch.compile(layer, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, causal=True)[0], layer(x, causal=True)[0])


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: absolute.LearnedPositions(4, K)(torch.zeros(1, 5, K)),
            "x must end within 4 positions, got 5",
        ),
        (lambda: absolute.LearnedPositions(4, K)(torch.zeros(1, 2, K), offset=3), "got 2 from 3 on"),
        (
            lambda: absolute.LearnedPositions(4, K)(torch.zeros(1, 2, K), positions=torch.tensor([0, 4])),
            "within 0..3, got 0..4",
        ),
        (lambda: absolute.SinusoidalPositions(K)(torch.zeros(1, 2, K + 1)), f"x must have width {K}"),
        (
            lambda: absolute.SinusoidalPositions(K)(torch.zeros(1, 2, K), offset=-1),
            "offset must be 0 or more",
        ),
        (
            lambda: absolute.SinusoidalPositions(K)(torch.zeros(1, 2, K), positions=torch.arange(3)),
            "positions must have 2 columns",
        ),
        (lambda: absolute.sinusoid(torch.arange(3), 0), "size must be 1 or more, got 0"),
        (lambda: absolute.sinusoid(torch.arange(3), 4, base=1.0), "base must be above 1"),
        (lambda: absolute.T5Bias(H, num_buckets=7), "num_buckets must be even and 4 or more, got 7"),
        (lambda: absolute.T5Bias(H, max_distance=8), "max_distance must be above the 8 exact buckets"),
        (lambda: relative.ShawRelative(K, max_distance=0), "max_distance must be 1 or more"),
        (lambda: relative.TransformerXLRelative(10, 3), "hidden_size must be a multiple"),
        (
            lambda: scheme("Shaw").scores(normal(B, H, 4, K), normal(B, H, 3, K)),
            "query must not be longer than key",
        ),
        (
            lambda: scheme("T5").scores(normal(B, H, 4, K), normal(B, H, 3, K)),
            "query must not be longer than key",
        ),
    ],
)
def test_bad_input_is_refused_with_what_was_expected(call, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        call()
