"""Paired comparisons: the interval is scipy's, the verdict follows from it."""

import pytest

from course_lib.training.comparison import compare


@pytest.mark.oracle
def test_the_interval_is_the_paired_t_interval_of_scipy():
    from scipy.stats import ttest_rel

    treatment, control = [0.71, 0.74, 0.69, 0.80], [0.65, 0.70, 0.68, 0.71]
    ours = compare(treatment, control, smallest_effect=0.01)
    theirs = ttest_rel(treatment, control).confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), rel=1e-12)
    assert ours.mean == pytest.approx(0.05)


def test_an_interval_above_zero_reproduces_and_below_zero_contradicts():
    high, low = [0.9, 0.91, 0.92], [0.5, 0.52, 0.51]
    assert compare(high, low, 0.02).verdict == "reproduced"
    assert compare(low, high, 0.02).verdict == "contradicted"
    assert compare(low, high, 0.02, lower_is_better=True).verdict == "reproduced"


def test_an_interval_that_spans_zero_is_not_resolved_even_when_the_mean_is_large():
    result = compare([0.9, 0.4, 0.8], [0.5, 0.5, 0.5], 0.02)
    assert result.mean > 0.02
    assert result.verdict == "not resolved at this scale"
    assert "spans zero" in str(result)


def test_pairing_resolves_what_the_spread_over_seeds_would_hide():
    control = [0.10, 0.50, 0.90]
    assert compare([x + 0.03 + e for x, e in zip(control, (0, 0.001, -0.001), strict=True)], control,
                   0.01).verdict == "reproduced"  # fmt: skip


def test_an_effect_below_the_smallest_that_matters_is_said_so():
    result = compare([0.501, 0.5011, 0.5009], [0.5, 0.5, 0.5], 0.02)
    assert result.verdict == "reproduced"
    assert result.below_smallest
    assert "smaller than the 0.02" in str(result)


@pytest.mark.parametrize(
    ("treatment", "control", "effect", "name"),
    [
        ([1.0, 2.0], [1.0], 0.1, "treatment and control"),
        ([1.0], [1.0], 0.1, "treatment"),
        ([1.0, float("nan")], [1.0, 1.0], 0.1, "treatment"),
        ([1.0, 1.0], [1.0, float("inf")], 0.1, "control"),
        ([1.0, 1.0], [1.0, 1.0], -0.1, "smallest_effect"),
    ],
)
def test_bad_figures_are_refused_by_name(treatment, control, effect, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        compare(treatment, control, effect)
