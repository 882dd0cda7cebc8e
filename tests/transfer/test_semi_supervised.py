"""Semi-supervised domain adaptation: two losses that are not equal, and a rule for m/n."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit
from course_lib.transfer.semi_supervised import (
    Mixture,
    follows_rule,
    ramp,
    rule_interval,
    separate_loss,
    weighted_cross_entropy,
    weighted_loss,
)

COUNTS, WEIGHTS = st.integers(1, 40), st.floats(0.05, 20)


@pytest.fixture
def losses(device):
    """Losses of three true and five pseudo-labelled examples, with gradients."""
    values = torch.rand(8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return values.to(device).requires_grad_()


def pooled(losses, mixture):
    return weighted_loss(losses, mixture.weights(losses.device, losses.dtype))


def test_the_two_losses_by_hand():
    true, pseudo = torch.tensor([1.0, 3.0]), torch.tensor([2.0, 4.0, 6.0, 8.0])
    # (1/2)(1 + 3) + (1/4)·0.5·(2 + 4 + 6 + 8) = 2 + 2.5, and (1/6)(4 + 0.5·20)
    assert float(separate_loss(true, pseudo, 1.0, 0.5)) == pytest.approx(4.5)
    assert float(pooled(torch.cat([true, pseudo]), Mixture(2, 4, 1.0, 0.5))) == pytest.approx(14 / 6)


def test_the_lectures_two_lines_differ_in_value_and_in_direction(losses):
    one = pooled(losses, Mixture(3, 5, 1.0, 0.5))
    other = separate_loss(losses[:3], losses[3:], 1.0, 0.5)
    assert abs(float((one - other).detach())) > 0.1
    first, second = (torch.autograd.grad(loss, losses)[0] for loss in (one, other))
    assert float(F.cosine_similarity(first, second, dim=0)) < 0.99


def test_the_separate_reading_is_the_pooled_loss_with_rescaled_weights(losses):
    one = pooled(losses, Mixture(3, 5, 1.3, 0.4, "separate"))
    other = separate_loss(losses[:3], losses[3:], 1.3, 0.4)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
    first, second = (torch.autograd.grad(loss, losses)[0] for loss in (one, other))
    torch.testing.assert_close(first, second, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(first[:3], torch.full_like(first[:3], 1.3 / 3))
    torch.testing.assert_close(first[3:], torch.full_like(first[3:], 0.4 / 5))


@settings(max_examples=60, deadline=None)
@given(n=COUNTS, m=COUNTS, true=WEIGHTS, pseudo=WEIGHTS)
def test_the_pseudo_labels_share_of_the_weight_has_a_closed_form(n, m, true, pseudo):
    """m·W₂/(n·W₁) where the losses are pooled; m/n cancels where they are separate."""
    expected = {"pooled": m * pseudo / (n * true), "separate": pseudo / true}
    for reading, share in expected.items():
        mixture = Mixture(n, m, true, pseudo, reading)
        weights = mixture.weights(dtype=torch.float64)
        assert mixture.pseudo_per_true == pytest.approx(share)
        assert float(weights[n:].sum() / weights[:n].sum()) == pytest.approx(share)


@settings(max_examples=60, deadline=None)
@given(n=COUNTS, m=COUNTS, true=WEIGHTS, pseudo=WEIGHTS)
def test_in_the_rule_pooled_pseudo_labels_weigh_five_to_ten_times_the_true_ones(n, m, true, pseudo):
    mixture = Mixture(n, m, true, pseudo)
    share = mixture.pseudo_per_true
    if min(abs(share - 5), abs(share - 10)) > 1e-6:
        assert mixture.in_rule == (5 < share < 10)
    assert Mixture(n, m, true, pseudo, "separate").in_rule == mixture.in_rule


def test_the_rules_interval_by_hand():
    assert rule_interval(1.0, 1.0) == (5.0, 10.0)
    assert rule_interval(1.0, 0.5) == (10.0, 20.0)
    assert [follows_rule(100, m, 1.0, 0.5) for m in (999, 1000, 2000, 2001)] == [False, True, True, False]
    assert follows_rule(210, 2450, 0.7, 0.3)  # 35/3 is the end of the interval, in binary just below it
    assert not follows_rule(10, 1000, 1.0, 0.0)


@pytest.mark.parametrize("reading", ["pooled", "separate"])
def test_without_weight_the_pseudo_labels_leave_supervised_training(losses, reading):
    """W₂ = 0: the gradient of the true examples' mean; the pooled loss shrinks it by n/(n + m)."""
    (gradient,) = torch.autograd.grad(pooled(losses, Mixture(3, 5, 1.0, 0.0, reading)), losses)
    (supervised,) = torch.autograd.grad(losses[:3].mean(), losses)
    factor = 3 / 8 if reading == "pooled" else 1.0
    torch.testing.assert_close(gradient, factor * supervised, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("reading", ["pooled", "separate"])
def test_without_pseudo_labelled_examples_both_readings_are_the_mean(losses, reading):
    alone = losses[:3]
    torch.testing.assert_close(pooled(alone, Mixture(3, 0, reading=reading)), alone.mean())
    torch.testing.assert_close(separate_loss(alone, losses[:0], 1.0, 9.0), alone.mean())


@pytest.mark.oracle
def test_the_loss_is_scikit_learns_with_sample_weights(device):
    """log_loss divides by Σ Wᵢ, the lecture by n + m."""
    from sklearn.metrics import log_loss

    logits = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).to(device)
    labels = torch.tensor([0, 1, 2, 2, 1, 0, 0, 2], device=device)
    for reading in ("pooled", "separate"):
        weights = Mixture(3, 5, 2.0, 0.7, reading).weights(device, torch.float64)
        ours = weighted_loss(F.cross_entropy(logits, labels, reduction="none"), weights)
        theirs = log_loss(labels.cpu(), logits.softmax(-1).cpu(), sample_weight=weights.cpu().numpy())
        assert float(ours) == pytest.approx(theirs * float(weights.mean()), rel=1e-9)


@pytest.mark.oracle
def test_training_finds_the_weights_that_scikit_learn_finds(device):
    """Full batches through `fit` with a quadratic penalty, and LogisticRegression on the same examples."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(40, 4))
    labels = (inputs @ [1.0, -2.0, 0.5, 0.0] + rng.normal(size=40) > 0).astype(int)
    mixture = Mixture(10, 30, 1.0, 0.3)
    weights = mixture.weights(dtype=torch.float64)
    theirs = LogisticRegression(C=1.0, tol=1e-12, max_iter=5000).fit(inputs, labels, weights.numpy())
    model = nn.Linear(4, 2, dtype=torch.float64, device=device)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    data = torch.utils.data.TensorDataset(torch.tensor(inputs), torch.tensor(labels), weights)

    def loss(model, batch):
        total, count = weighted_cross_entropy(model, batch)
        # one weight vector w has the penalty |w|²/2; two that differ by it and are centred have |w|²/4 each
        return total + (model.weight**2).sum(), count

    batches = Batches(data, 40, torch.utils.data.default_collate, seed=0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    fit(model, batches, loss, optimizer, FitConfig(steps=800, clip=None), schedule=schedules.linear(800))
    ours = (model.weight[1] - model.weight[0]).detach().cpu().numpy()
    np.testing.assert_allclose(ours, theirs.coef_[0], rtol=1e-4, atol=1e-5)


def test_minibatches_add_up_to_the_loss_over_all_examples(device):
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double().to(device)
    inputs, labels = torch.randn(11, 3, dtype=torch.float64), torch.arange(11) % 2
    weights = Mixture(4, 7, 1.0, 0.2, "separate").weights(dtype=torch.float64)
    whole = [x.to(device) for x in (inputs, labels, weights)]
    parts = [weighted_cross_entropy(model, tuple(x[i : i + 4] for x in whole)) for i in (0, 4, 8)]
    total, count = (sum(part) for part in zip(*parts, strict=True))
    losses = F.cross_entropy(model(whole[0]), whole[1], reduction="none")
    torch.testing.assert_close(total / count, separate_loss(losses[:4], losses[4:], 1.0, 0.2))


def test_lees_weight_waits_grows_and_stays():
    assert [ramp(t, 100, 600, 3.0) for t in (0, 100, 350, 600, 5000)] == [0, 0, 1.5, 3.0, 3.0]


def test_bad_input_is_refused_by_name():
    for bad, name in (
        ((0, 3), "true must"),
        ((3, -1), "true must"),
        ((3, 1, 0.0), "true_weight must"),
        ((3, 1, 1.0, -1.0), "true_weight must"),
        ((3, 1, 1.0, 1.0, "both"), "reading must"),
    ):
        with pytest.raises(ValueError, match=f"^{name}"):
            Mixture(*bad)
    with pytest.raises(ValueError, match=r"^true_weight and pseudo_weight must be above 0"):
        rule_interval(1.0, 0.0)
    with pytest.raises(ValueError, match=r"^weights must have the shape of losses"):
        weighted_loss(torch.ones(3), torch.ones(3, 1))
    with pytest.raises(ValueError, match=r"^weights must have"):
        weighted_loss(torch.ones(0), torch.ones(0))
    with pytest.raises(ValueError, match=r"^true must have shape"):
        separate_loss(torch.ones(0), torch.ones(2), 1.0, 1.0)
    with pytest.raises(ValueError, match=r"^start must"):
        ramp(0, 5, 5, 1.0)
