"""ReLU, GELU, and GELU's two approximations.

Hendrycks and Gimpel 2016, "Gaussian Error Linear Units (GELUs)", arXiv:1606.08415, section 2.
GELU weighs its input by the probability that a standard normal number lies below it, x·Φ(x).
The tanh and the sigmoid form replace Φ by elementary functions; `fit_constant` derives their constants again.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Form = Literal["tanh", "sigmoid"]
Criterion = Literal["minimax", "least squares"]
Target = Literal["phi", "gelu"]

SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
TANH_CONSTANT = 0.044715  # printed in the paper
SIGMOID_CONSTANT = 1.702  # printed in the paper
_BRACKETS: dict[str, tuple[float, float]] = {"tanh": (0.03, 0.06), "sigmoid": (1.5, 2.0)}


def relu(x: Tensor) -> Tensor:
    """max(x, 0), element by element, any shape; NaN stays NaN, and the slope at 0 is 0 as in torch."""
    return x.masked_fill(x <= 0, 0.0)


def gelu(x: Tensor) -> Tensor:
    """The exact GELU, x·Φ(x), element by element (arXiv:1606.08415, section 2).

    Args:
        x: any shape, a floating dtype.
    Returns:
        The same shape, dtype and device.
    """
    # Φ(x) = ½·erfc(−x/√2): unlike ½·(1 + erf(x/√2)) it does not cancel to 0 far to the left
    return 0.5 * x * torch.erfc(x * -math.sqrt(0.5))


def gelu_tanh(x: Tensor, constant: float = TANH_CONSTANT) -> Tensor:
    """GELU with Φ(x) ≈ ½·(1 + tanh(√(2/π)·(x + c·x³))), any shape; the form GPT-2 uses."""
    z = x.clamp(-12, 12)  # Φ̂ is 0 or 1 beyond; z³ would overflow half precision and give NaN gradients
    # ½·(1 + tanh u) = σ(2u), which keeps its digits where tanh u is nearly −1
    return x * torch.sigmoid(2.0 * SQRT_2_OVER_PI * (z + constant * z**3))


def gelu_sigmoid(x: Tensor, constant: float = SIGMOID_CONSTANT) -> Tensor:
    """GELU with Φ(x) ≈ σ(c·x), any shape; the cheapest form (`quick_gelu` in transformers)."""
    return x * torch.sigmoid(constant * x)


def gelu_derivative(x: Tensor) -> Tensor:
    """d/dx of the exact GELU, Φ(x) + x·φ(x), element by element, any shape."""
    density = torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)  # φ(x)
    return 0.5 * torch.erfc(x * -math.sqrt(0.5)) + x * density


@dataclass(frozen=True)
class Fit:
    """A fitted constant and the largest errors it leaves, |Φ − Φ̂| and |GELU − x·Φ̂|, over −8 ≤ x ≤ 8."""

    form: Form
    criterion: Criterion
    target: Target
    constant: float
    largest_error_phi: float
    largest_error_gelu: float


def fit_constant(form: Form, criterion: Criterion = "minimax", target: Target = "phi") -> Fit:
    """The constant of an approximate GELU that fits best.

    The paper prints its two constants without a derivation. For the tanh form the inner scale √(2/π)
    is kept (it makes the slope at 0 right), and the cubic term's constant is fitted.

    Args:
        form: "tanh" fits c in σ(2·√(2/π)·(x + c·x³)), "sigmoid" fits c in σ(c·x).
        criterion: "minimax" makes the largest error small, "least squares" the integral of its square.
        target: "phi" measures the error of Φ, "gelu" the error of x·Φ(x).
    Raises:
        ValueError: if one of the three is none of the names above.
    """
    _check("form", form, ("tanh", "sigmoid"))
    _check("criterion", criterion, ("minimax", "least squares"))
    _check("target", target, ("phi", "gelu"))
    from scipy.optimize import minimize_scalar
    from scipy.special import ndtr

    x = np.linspace(0.0, 8.0, 80_001)  # both errors are even or odd: the left half repeats the right
    exact, weight = ndtr(x), (x if target == "gelu" else np.ones_like(x))
    norm: Callable[[np.ndarray], float] = (
        (lambda e: float(np.abs(e).max())) if criterion == "minimax" else (lambda e: float(np.mean(e**2)))
    )
    found = minimize_scalar(
        lambda c: norm(weight * (_phi_hat(x, form, c) - exact)),
        bounds=_BRACKETS[form],
        method="bounded",
        options={"xatol": 1e-9},
    )
    error = np.abs(_phi_hat(x, form, found.x) - exact)
    return Fit(form, criterion, target, float(found.x), float(error.max()), float((x * error).max()))


#: The activation functions by the names that transformers' configurations use (`hidden_act`): where torch
#: has a fused kernel it runs, held equal to the definitions above.
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": nn.functional.relu,
    "gelu": nn.functional.gelu,
    "gelu_new": partial(nn.functional.gelu, approximate="tanh"),
    "quick_gelu": gelu_sigmoid,
}


def _phi_hat(x: np.ndarray, form: Form, constant: float) -> np.ndarray:
    """The approximation of Φ that a form with this constant makes, for x of shape (N,)."""
    from scipy.special import expit

    inner = constant * x if form == "sigmoid" else 2.0 * SQRT_2_OVER_PI * (x + constant * x**3)
    return expit(inner)


def _check(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}")
