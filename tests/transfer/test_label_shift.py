"""Shares of labels here and there: weights, corrected probabilities, and an estimate without labels."""

import numpy as np
import pytest
import torch

from course_lib.transfer.label_shift import estimate_online, label_distribution, label_weights, reweigh

OFFLINE, ONLINE = torch.tensor([0.3, 0.7]).double(), torch.tensor([0.6, 0.4]).double()


def posterior(x, shares):
    """P(y | x) of two normal distributions around -1 and 1."""
    densities = torch.stack([torch.exp(-((x + 1) ** 2) / 2), torch.exp(-((x - 1) ** 2) / 2)], dim=-1)
    joint = densities * shares
    return joint / joint.sum(-1, keepdim=True)


def draw(shares, n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(n, generator=generator, dtype=torch.float64) < shares[1]).long()
    return torch.randn(n, generator=generator, dtype=torch.float64) + 2 * labels - 1, labels


def test_shares_by_hand(device):
    labels = torch.tensor([0, 0, 2, 0], device=device)
    assert label_distribution(labels, 3).tolist() == [0.75, 0.0, 0.25]
    torch.testing.assert_close(
        label_distribution(labels, 3, smoothing=1.0).cpu(), torch.tensor([4, 1, 2]).double() / 7
    )
    assert label_distribution(labels[:0], 2, smoothing=1.0).tolist() == [0.5, 0.5]


def test_weights_are_the_ratio_and_average_to_one_offline(device):
    weights = label_weights(ONLINE.to(device), OFFLINE.to(device)).cpu()
    torch.testing.assert_close(weights, torch.tensor([2.0, 4 / 7]).double())
    assert float((weights * OFFLINE).sum()) == pytest.approx(1)
    assert label_weights(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 0.0])).tolist() == [1.0, 0.0]


@pytest.mark.oracle
def test_equal_shares_online_give_scikit_learns_balanced_weights():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0, 0, 0, 1, 2, 2])
    offline = label_distribution(torch.tensor(labels), 3)
    theirs = compute_class_weight("balanced", classes=np.arange(3), y=labels)
    np.testing.assert_allclose(
        label_weights(torch.full((3,), 1 / 3, dtype=torch.float64), offline), theirs, rtol=1e-9
    )


def test_weighted_offline_losses_estimate_the_online_loss():
    """P(x | y) is the same, so Σ w(y)·ℓ over offline examples is the online mean of ℓ."""
    means = []
    for shares, weights in ((ONLINE, torch.ones(2).double()), (OFFLINE, label_weights(ONLINE, OFFLINE))):
        x, y = draw(shares, 200_000, seed=3)
        means.append(float((weights[y] * (x - 0.3) ** 2).mean()))
    x, _ = draw(OFFLINE, 200_000, seed=3)
    assert means[1] == pytest.approx(means[0], abs=0.02)
    assert abs(float(((x - 0.3) ** 2).mean()) - means[0]) > 0.1


def test_reweighed_probabilities_are_those_of_the_other_shares():
    x = torch.linspace(-3, 3, 41, dtype=torch.float64)
    ours = reweigh(posterior(x, OFFLINE), label_weights(ONLINE, OFFLINE))
    torch.testing.assert_close(ours, posterior(x, ONLINE), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shares", [[0.6, 0.4], [0.05, 0.95], [0.3, 0.7]])
def test_em_finds_the_shares_that_maximise_the_likelihood(device, shares):
    from scipy.optimize import minimize_scalar

    x, labels = draw(torch.tensor(shares).double(), 20_000, seed=5)
    probabilities = posterior(x, OFFLINE)
    found = estimate_online(probabilities.to(device), OFFLINE.to(device)).cpu()
    ratio = (probabilities / OFFLINE).numpy()
    best = minimize_scalar(
        lambda q: -np.log(ratio @ [1 - q, q]).mean(), bounds=(1e-6, 1 - 1e-6), options={"xatol": 1e-10}
    )
    assert float(found[1]) == pytest.approx(best.x, abs=1e-4)
    assert float(found[1]) == pytest.approx(float(labels.double().mean()), abs=0.02)


def test_bad_input_is_refused_by_name():
    good = torch.tensor([0.5, 0.5])
    with pytest.raises(ValueError, match=r"^num_classes must"):
        label_distribution(torch.tensor([0]), 1)
    with pytest.raises(ValueError, match=r"^labels must be integers"):
        label_distribution(torch.tensor([0.0]), 2)
    with pytest.raises(ValueError, match=r"^labels must lie in 0\.\.1"):
        label_distribution(torch.tensor([2]), 2)
    with pytest.raises(ValueError, match=r"^smoothing must"):
        label_distribution(torch.zeros(0, dtype=torch.long), 2)
    with pytest.raises(ValueError, match=r"^online must be shares"):
        label_weights(torch.tensor([0.5, 0.6]), good)
    with pytest.raises(ValueError, match=r"^offline must have online's 2"):
        label_weights(good, torch.tensor([0.2, 0.3, 0.5]))
    with pytest.raises(ValueError, match=r"^offline must be above 0 for each"):
        label_weights(good, torch.tensor([1.0, 0.0]))
    with pytest.raises(ValueError, match=r"^probabilities must have shape \(M, 2\)"):
        estimate_online(torch.ones(3, 3) / 3, good)
    with pytest.raises(ValueError, match=r"^offline must be above 0 for every"):
        estimate_online(torch.ones(3, 2) / 2, torch.tensor([1.0, 0.0]))
