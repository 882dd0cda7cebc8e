"""course_lib.nn.activations against torch, against closed forms, and the constants' origin."""

import math

import pytest
import torch

from course_lib.nn import activations
from course_lib.nn.activations import (
    ACTIVATIONS,
    fit_constant,
    gelu,
    gelu_derivative,
    gelu_sigmoid,
    gelu_tanh,
    relu,
)


def grid(device: torch.device, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.linspace(-12, 12, 4801, dtype=dtype, device=device)


@pytest.mark.oracle
@pytest.mark.parametrize(("ours", "approximate"), [(gelu, "none"), (gelu_tanh, "tanh")])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-14), (torch.float32, 2e-6)])
def test_gelu_is_torchs(ours, approximate, dtype, tolerance, device):
    x = grid(device, dtype)
    expected = torch.nn.functional.gelu(x, approximate=approximate)
    torch.testing.assert_close(ours(x), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.oracle
def test_relu_is_torchs_also_at_zero_and_for_nan(device):
    x = torch.tensor([-1.5, -0.0, 0.0, 2.0, math.inf, -math.inf, math.nan], device=device)
    torch.testing.assert_close(relu(x), torch.nn.functional.relu(x), equal_nan=True, rtol=0, atol=0)
    slopes = [
        torch.autograd.grad(function(z := x[:4].clone().requires_grad_()).sum(), z)[0]
        for function in (relu, torch.nn.functional.relu)
    ]
    assert torch.equal(*slopes)


def test_the_sigmoid_form_is_its_closed_form(device):
    x = grid(device)
    expected = x / (1 + torch.exp(-1.702 * x))
    torch.testing.assert_close(gelu_sigmoid(x), expected, rtol=1e-13, atol=1e-13)


def test_the_exact_form_keeps_its_digits_far_to_the_left(device):
    x = torch.tensor([-10.0], dtype=torch.float64, device=device)
    # Mills' ratio: Φ(−t) = φ(t)/t·(1 − 1/t² + 3/t⁴ − 15/t⁶ + …)
    t = 10.0
    tail = (
        math.exp(-t * t / 2) / math.sqrt(2 * math.pi) / t * (1 - t**-2 + 3 * t**-4 - 15 * t**-6 + 105 * t**-8)
    )
    assert gelu(x).item() == pytest.approx(-t * tail, rel=1e-5)


def test_the_derivative_is_autograds(device):
    x = grid(device).requires_grad_()
    (by_autograd,) = torch.autograd.grad(gelu(x).sum(), x)
    torch.testing.assert_close(gelu_derivative(x.detach()), by_autograd, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("function", [relu, gelu, gelu_tanh, gelu_sigmoid, gelu_derivative])
def test_shape_dtype_and_device_stay_and_the_input_is_untouched(function, device):
    x = torch.randn(2, 0, 3, device=device, dtype=torch.bfloat16)
    assert (function(x).shape, function(x).dtype) == (x.shape, x.dtype)
    y = torch.randn(3, 4, device=device)
    before = y.clone()
    assert function(y).device == y.device
    assert torch.equal(y, before)


@pytest.mark.oracle
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_names_mean_what_transformers_means_by_them(name, device):
    from transformers.activations import ACT2FN

    ours, theirs = grid(device).requires_grad_(), grid(device).requires_grad_()
    a, b = ACTIVATIONS[name](ours), ACT2FN[name](theirs)
    torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-12)
    a.sum().backward()
    b.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "definition"),
    [("relu", relu), ("gelu", gelu), ("gelu_new", gelu_tanh), ("quick_gelu", gelu_sigmoid)],
)
def test_a_fused_kernel_behind_a_name_computes_the_definition(name, definition, device):
    x = grid(device)
    torch.testing.assert_close(ACTIVATIONS[name](x), definition(x), rtol=1e-12, atol=1e-14)


def test_extreme_inputs_give_no_nan(device):
    x = torch.tensor([-1e4, 1e4, -3e38, 3e38], device=device)
    for function in (gelu, gelu_sigmoid, gelu_tanh):
        assert torch.isfinite(function(x[:2])).all()
        assert not torch.isnan(function(x)).any()


def test_half_precision_gradients_stay_finite(device):
    for function in (gelu, gelu_sigmoid, gelu_tanh):
        x = torch.tensor([-6e4, -300, -50, 0, 50, 300, 6e4], device=device).half().requires_grad_()
        function(x).sum().backward()
        torch.testing.assert_close(x.grad.float(), torch.tensor([0, 0, 0, 0.5, 1, 1, 1], device=device))


@pytest.mark.parametrize(
    ("form", "criterion", "target", "constant", "tolerance"),
    [
        ("tanh", "minimax", "phi", 0.044715, 5e-6),
        ("sigmoid", "minimax", "phi", 1.7017, 5e-4),
        ("tanh", "least squares", "phi", 0.04485, 5e-5),
        ("sigmoid", "least squares", "phi", 1.7010, 5e-4),
        ("tanh", "minimax", "gelu", 0.04438, 5e-5),
        ("sigmoid", "minimax", "gelu", 1.773, 5e-4),
    ],
)
def test_the_papers_constants_are_the_minimax_ones_of_phi(form, criterion, target, constant, tolerance):
    assert fit_constant(form, criterion, target).constant == pytest.approx(constant, abs=tolerance)


def test_each_criterion_wins_by_its_own_measure():
    for form in ("tanh", "sigmoid"):
        of_phi, of_gelu = fit_constant(form, target="phi"), fit_constant(form, target="gelu")
        assert of_phi.largest_error_phi < of_gelu.largest_error_phi
        assert of_gelu.largest_error_gelu < of_phi.largest_error_gelu


def test_the_reported_errors_are_the_real_ones():
    x = grid(torch.device("cpu"))
    for form, approximation in (("tanh", gelu_tanh), ("sigmoid", gelu_sigmoid)):
        fit = fit_constant(form)
        error = (approximation(x, fit.constant) - gelu(x)).abs().max().item()
        assert error == pytest.approx(fit.largest_error_gelu, rel=1e-3)


@pytest.mark.parametrize("bad", [{"form": "cosh"}, {"criterion": "best"}, {"target": "relu"}])
def test_an_unknown_name_is_refused_with_the_names_that_are_known(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        fit_constant(**{"form": "tanh", **bad})


def test_the_papers_constants_are_the_defaults():
    assert (activations.TANH_CONSTANT, activations.SIGMOID_CONSTANT) == (0.044715, 1.702)
