"""course_lib.nn.norm and moments against torch: outputs, gradients, running statistics; and padding."""

import copy

import pytest
import torch
from torch import nn

from course_lib.nn.moments import statistic_axes, statistics
from course_lib.nn.norm import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
    normalise,
)

EXACT = {"rtol": 1e-9, "atol": 1e-9}


def examples(*shape, device, seed=0, dtype=torch.float64):
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 3 + 2
    return x.to(device, dtype)


def shake(module, device):
    """Random scale and shift, so that a mistake in them shows."""
    generator = torch.Generator().manual_seed(1)
    module.to(device, torch.float64)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return module


def assert_same(ours, theirs, x, **to_ours):
    """Outputs and the gradients of input and parameters agree."""
    left, right = x.clone().requires_grad_(), x.clone().requires_grad_()
    a, b = ours(left, **to_ours), theirs(right)
    torch.testing.assert_close(a, b, **EXACT)
    upstream = torch.randn(a.shape, generator=torch.Generator().manual_seed(2), dtype=a.dtype).to(a.device)
    before = [*ours.parameters()], [*theirs.parameters()]
    grads = (
        torch.autograd.grad(a, [left, *before[0]], upstream),
        torch.autograd.grad(b, [right, *before[1]], upstream),
    )
    for mine, wanted in zip(*grads, strict=True):
        torch.testing.assert_close(mine, wanted, **EXACT)


PAIRS = {
    "batch 1d": (BatchNorm(6), nn.BatchNorm1d(6), (5, 6)),
    "batch 1d with places": (BatchNorm(6), nn.BatchNorm1d(6), (5, 6, 7)),
    "batch 2d": (BatchNorm(6, 1e-3), nn.BatchNorm2d(6, 1e-3), (4, 6, 3, 5)),
    "batch, plain average": (BatchNorm(6, momentum=None), nn.BatchNorm2d(6, momentum=None), (4, 6, 3, 5)),
    "batch, momentum 0.3": (BatchNorm(6, momentum=0.3), nn.BatchNorm1d(6, momentum=0.3), (4, 6)),
    "batch, nothing learned": (BatchNorm(6, affine=False), nn.BatchNorm1d(6, affine=False), (4, 6)),
    "batch, nothing tracked": (
        BatchNorm(6, track_running_stats=False),
        nn.BatchNorm1d(6, track_running_stats=False),
        (4, 6),
    ),
    "instance": (InstanceNorm(6), nn.InstanceNorm1d(6), (3, 6, 7)),
    "instance, learned and tracked": (
        InstanceNorm(6, affine=True, track_running_stats=True),
        nn.InstanceNorm2d(6, affine=True, track_running_stats=True),
        (3, 6, 4, 5),
    ),
    "group": (GroupNorm(3, 6), nn.GroupNorm(3, 6), (2, 6, 4, 5)),
    "group without places": (GroupNorm(2, 6), nn.GroupNorm(2, 6), (4, 6)),
    "group, nothing learned": (GroupNorm(1, 6, affine=False), nn.GroupNorm(1, 6, affine=False), (2, 6, 5)),
    "layer": (LayerNorm(6), nn.LayerNorm(6), (3, 4, 6)),
    "layer without shift": (LayerNorm(6, 1e-12, bias=False), nn.LayerNorm(6, 1e-12, bias=False), (3, 6)),
    "rms": (RMSNorm(6, 1e-6), nn.RMSNorm(6, 1e-6), (3, 4, 6)),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", PAIRS)
def test_outputs_gradients_and_running_statistics_are_torchs_in_training_and_evaluation(name, device):
    ours, theirs, shape = PAIRS[name]
    ours, theirs = shake(copy.deepcopy(ours), device), shake(copy.deepcopy(theirs), device)
    for step in range(3):
        assert_same(ours, theirs, examples(*shape, device=device, seed=step))
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    for key, value in theirs.state_dict().items():
        if "instance" not in name or key != "num_batches_tracked":  # torch leaves this one at 0
            torch.testing.assert_close(ours.state_dict()[key], value, **EXACT)
    assert_same(ours.eval(), theirs.eval(), examples(*shape, device=device, seed=9))


@pytest.mark.oracle
@pytest.mark.parametrize(
    "name", [name for name in PAIRS if name not in ("layer", "layer without shift", "rms")]
)
def test_channels_may_stand_last(name, device):
    ours, theirs, shape = PAIRS[name]
    moved = copy.deepcopy(ours)
    moved.channel_axis = -1
    moved, theirs = shake(moved, device), shake(copy.deepcopy(theirs), device)
    x = examples(*shape, device=device)
    torch.testing.assert_close(moved(x.movedim(1, -1)).movedim(-1, 1), theirs(x), **EXACT)
    torch.testing.assert_close(moved.eval()(x.movedim(1, -1)).movedim(-1, 1), theirs.eval()(x), **EXACT)


@pytest.mark.oracle
def test_the_pure_function_is_each_of_torchs_norms_by_its_axes_alone(device):
    x = examples(4, 6, 5, device=device)
    wanted = {
        "batch": nn.functional.batch_norm(x, None, None, training=True),
        "instance": nn.functional.instance_norm(x),
        "layer": nn.functional.layer_norm(x.transpose(1, 2), (6,)).transpose(1, 2),
    }
    for kind, expected in wanted.items():
        torch.testing.assert_close(normalise(x, statistic_axes(kind, 3)), expected, **EXACT)
    groups = normalise(x.unflatten(1, (3, 2)), statistic_axes("group", 4)).flatten(1, 2)
    torch.testing.assert_close(groups, nn.functional.group_norm(x, 3), **EXACT)
    root = normalise(x, (2,), 1e-6, centre=False)
    torch.testing.assert_close(root, nn.functional.rms_norm(x, (5,), eps=1e-6), **EXACT)


def test_the_axes_of_each_norm_in_a_text_and_in_an_image():
    assert statistic_axes("batch", 3, -1) == (0, 1)
    assert statistic_axes("batch", 4) == (0, 2, 3)
    assert statistic_axes("instance", 4) == (2, 3)
    assert statistic_axes("layer", 3, -1) == (2,)
    assert statistic_axes("group", 5) == (2, 3, 4)


LAYERS = {
    "batch": lambda: BatchNorm(6, channel_axis=-1),
    "instance": lambda: InstanceNorm(6, affine=True, track_running_stats=True, channel_axis=-1),
    "group": lambda: GroupNorm(2, 6, channel_axis=-1),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_masked_statistics_are_those_of_the_words_alone(kind, device):
    # one text: cutting the padding off must give the same as masking it
    layer, cut = shake(LAYERS[kind](), device), shake(LAYERS[kind](), device)
    x = examples(1, 8, 6, device=device)
    mask = (torch.arange(8, device=device) < 5).unsqueeze(0)
    torch.testing.assert_close(layer(x, mask)[:, :5], cut(x[:, :5]), **EXACT)
    for key, value in cut.state_dict().items():
        torch.testing.assert_close(layer.state_dict()[key], value, **EXACT)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("junk", [0.0, 1e6, float("nan"), float("inf")])
def test_what_stands_in_the_padding_reaches_no_output_statistic_or_gradient(kind, junk, device):
    lengths = torch.tensor([5, 2, 4], device=device)
    mask = torch.arange(5, device=device) < lengths.unsqueeze(1)
    x = examples(3, 5, 6, device=device)
    results = []
    for padding in (-1.0, junk):
        layer = shake(LAYERS[kind](), device)
        filled = x.masked_fill(~mask.unsqueeze(-1), padding).requires_grad_()
        y = layer(filled, mask)
        (y * examples(3, 5, 6, device=device, seed=4)).sum().backward()
        results.append([y, filled.grad, layer.weight.grad, *layer.buffers(), layer.eval()(filled, mask)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, **EXACT)
    assert (results[0][0][~mask] == 0).all()
    assert (results[0][1][~mask] == 0).all()


def test_masked_batch_statistics_weigh_every_word_alike(device):
    x = torch.tensor([[[1.0], [2.0]], [[6.0], [99.0]]], device=device)
    mask = torch.tensor([[True, True], [True, False]], device=device)
    mean, variance, elements = statistics(x, (0, 1), mask.unsqueeze(-1))
    assert (mean.item(), elements.item()) == (3.0, 3)
    assert variance.item() == pytest.approx((4 + 1 + 9) / 3)
    layer = BatchNorm(1, momentum=1.0, channel_axis=-1).to(device)
    layer(x, mask)
    assert layer.running_var.item() == pytest.approx((4 + 1 + 9) / 2)  # unbiased: n - 1


@pytest.mark.parametrize("kind", LAYERS)
def test_a_batch_without_any_word_gives_zeros_and_leaves_the_running_statistics(kind, device):
    layer = shake(LAYERS[kind](), device)
    before = copy.deepcopy(layer.state_dict())
    x = examples(2, 3, 6, device=device).requires_grad_()
    y = layer(x, torch.zeros(2, 3, dtype=torch.bool, device=device))
    y.sum().backward()
    assert (y == 0).all()
    assert torch.isfinite(x.grad).all()
    for key, value in before.items():
        assert torch.equal(layer.state_dict()[key], value)


def test_layer_norm_of_a_word_knows_nothing_of_the_other_words(device):
    layer, x = shake(LayerNorm(6), device), examples(3, 5, 6, device=device)
    changed = x.clone()
    changed[1:] += 100
    changed[0, 1:] -= 50
    torch.testing.assert_close(layer(x)[0, 0], layer(changed)[0, 0], rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_computes_its_statistics_in_float32(dtype, device):
    # 300² overflows float16, and 4096 ones sum to 256 in bfloat16
    x = (300 + torch.randn(2, 6, 4096, generator=torch.Generator().manual_seed(0))).to(device, dtype)
    for layer in (BatchNorm(6), InstanceNorm(6), GroupNorm(2, 6), RMSNorm(4096), LayerNorm(4096)):
        half = layer.to(device)
        y = half(x) if not isinstance(half, LayerNorm) else half.to(dtype)(x)
        assert y.dtype == dtype
        wanted = copy.deepcopy(layer).float()(x.float())
        torch.testing.assert_close(y.float(), wanted, rtol=2e-2, atol=2e-2)


def test_autocast_keeps_running_statistics_in_float32(device):
    layer = BatchNorm(6, channel_axis=-1).to(device)
    linear = nn.Linear(6, 6).to(device)
    with torch.autocast(device.type, torch.bfloat16):
        y = layer(linear(torch.randn(4, 5, 6, device=device)))
    y.float().sum().backward()
    assert layer.running_mean.dtype == torch.float32
    assert torch.isfinite(linear.weight.grad).all()


@pytest.mark.parametrize("kind", LAYERS)
def test_the_layers_compile_into_one_graph(kind, device):
    layer = LAYERS[kind]().to(device)
    x, mask = torch.randn(2, 3, 6, device=device), torch.ones(2, 3, dtype=torch.bool, device=device)
    traced = torch.compile(layer, fullgraph=True, backend="eager")
    torch.testing.assert_close(traced(x, mask), copy.deepcopy(layer)(x, mask))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: LayerNorm(0), "size"),
        (lambda: LayerNorm(6)(torch.ones(2, 5)), "6 features"),
        (lambda: RMSNorm(6)(torch.ones(6, 2)), "6 features"),
        (lambda: BatchNorm(6)(torch.ones(6)), "2 axes"),
        (lambda: BatchNorm(6)(torch.ones(2, 5, 6)), "6 features"),
        (lambda: BatchNorm(6)(torch.ones(1, 6)), "2 values"),
        (lambda: InstanceNorm(6)(torch.ones(3, 6, 1)), "2 values"),
        (lambda: BatchNorm(6)(torch.ones(0, 6)), "2 values"),
        (lambda: GroupNorm(4, 6), "num_groups"),
        (lambda: BatchNorm(6, channel_axis=-1)(torch.ones(2, 5, 6), torch.ones(2, 5)), "boolean"),
        (lambda: BatchNorm(6, channel_axis=-1)(torch.ones(2, 5, 6), torch.ones(2, 6) > 0), "mask"),
        (lambda: statistics(torch.ones(2, 3), (0,), torch.ones(2, 3)), "boolean"),
        (lambda: statistic_axes("rows", 3), "kind"),
    ],
)
def test_bad_input_is_refused_by_name(call, named):
    with pytest.raises(ValueError, match=named):
        call()
