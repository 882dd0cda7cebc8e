"""course_lib's fit_constant, pasted; it returns a Fit and knows other criteria and no reach."""
# score: 15
# caught by: test_best_constant
# cell: constants
from dataclasses import dataclass

import numpy as np

SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)
_BRACKETS = {"tanh": (0.03, 0.06), "sigmoid": (1.5, 2.0)}


@dataclass(frozen=True)
class Fit:
    form: str
    criterion: str
    target: str
    constant: float
    largest_error_phi: float
    largest_error_gelu: float


def fit_constant(form, criterion="minimax", target="phi"):
    from scipy.optimize import minimize_scalar
    from scipy.special import ndtr

    x = np.linspace(0.0, 8.0, 80_001)
    exact, weight = ndtr(x), (x if target == "gelu" else np.ones_like(x))
    norm = (
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


def _phi_hat(x, form, constant):
    from scipy.special import expit

    inner = constant * x if form == "sigmoid" else 2.0 * SQRT_2_OVER_PI * (x + constant * x**3)
    return expit(inner)


best_constant = fit_constant


def misfit(form, c, criterion="gate", reach=6.0):
    return fit_constant(form).largest_error_phi
