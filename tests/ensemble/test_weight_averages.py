"""Snapshots and averaged weights, alone and inside the training loop."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.optim import swa_utils

from course_lib.ensemble.snapshots import Snapshots, cyclic_cosine
from course_lib.ensemble.swa import SWA
from course_lib.training.batches import Batches
from course_lib.training.ema import EMA
from course_lib.training.fit import FitConfig, fit


def network(device, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)).double().to(device)


def jitter(model, step):
    """Other weights, and other buffers."""
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.add_(
                    torch.randn(value.shape, generator=generator, dtype=torch.float64).to(value.device)
                )


@pytest.mark.oracle
@pytest.mark.parametrize("which", ["swa", "ema"])
def test_averaged_parameters_are_those_of_torch_swa_utils(device, which):
    model = network(device)
    multi = None if which == "swa" else swa_utils.get_ema_multi_avg_fn(0.9)
    theirs = swa_utils.AveragedModel(model, multi_avg_fn=multi)
    theirs.update_parameters(model)  # the first update copies
    ours = SWA(model) if which == "swa" else EMA(model, 0.9)
    if which == "swa":
        ours.update(model)
    for step in range(7):
        jitter(model, step)
        theirs.update_parameters(model)
        ours.update(model)
    for name, value in theirs.module.named_parameters():
        torch.testing.assert_close(ours.weights[name], value.detach(), rtol=1e-12, atol=1e-12)


def test_the_start_counts_nothing_in_the_mean_and_burn_in_is_passed_over(device):
    model = network(device)
    swa = SWA(model, start=2)
    seen = []
    for step in range(5):
        jitter(model, step)
        swa.update(model)
        seen.append(model[0].weight.detach().clone())
    assert swa.count == 3
    torch.testing.assert_close(swa.weights["0.weight"], torch.stack(seen[2:]).mean(0), rtol=1e-12, atol=1e-12)


def test_weights_are_applied_inside_the_block_and_put_back_after_it(device):
    model = network(device)
    swa = SWA(model)
    swa.update(model)
    own = model[0].weight.detach().clone()
    jitter(model, 1)
    later = model[0].weight.detach().clone()
    with swa.applied(model):
        torch.testing.assert_close(model[0].weight.detach(), own, rtol=0, atol=0)
    torch.testing.assert_close(model[0].weight.detach(), later, rtol=0, atol=0)


@pytest.mark.oracle
def test_the_cycles_are_torchs_warm_restarts():
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=10)
    ours = cyclic_cosine(30, 3)
    for step in range(30):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-12)
        assert ours(step) == pytest.approx(0.5 * (math.cos(math.pi * (step % 10) / 10) + 1), abs=1e-12)
        optimizer.step()
        theirs.step()


def trained(device, evaluate, steps=30, every=10):
    """A linear model fitted to noise, with a hook at the end of each cycle."""
    torch.manual_seed(0)
    model = nn.Linear(3, 1).double().to(device)
    x = torch.randn(40, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(model, rows):
        return ((model(rows[:, :3])[:, 0] - rows[:, 3]) ** 2).mean()

    fit(
        model,
        Batches(list(x), 8, torch.stack, seed=0),
        loss,
        torch.optim.SGD(model.parameters(), lr=0.1),
        FitConfig(steps=steps, evaluate_every=every, log_every=every),
        schedule=cyclic_cosine(steps, steps // every),
        evaluate=evaluate,
    )
    return model


def test_fit_takes_a_snapshot_at_the_end_of_each_cycle(device):
    keep = Snapshots()
    model = trained(device, keep)
    assert len(keep.states) == 3
    shorter = trained(device, Snapshots(), steps=10)
    torch.testing.assert_close(keep.states[0]["weight"], shorter.weight.detach(), rtol=0, atol=0)
    torch.testing.assert_close(keep.states[-1]["weight"], model.weight.detach(), rtol=0, atol=0)
    assert (keep.states[0]["weight"] - keep.states[1]["weight"]).abs().max() > 1e-6


def test_the_models_of_a_run_predict_with_their_own_weights_and_the_last_is_put_back(device):
    keep = Snapshots(last=2)
    model = trained(device, keep)
    before = model.weight.detach().clone()
    x = torch.randn(5, 3, dtype=torch.float64).to(device)
    said = [each(x).detach() for each in keep.models(model)]
    assert len(said) == 2
    torch.testing.assert_close(said[-1], model(x).detach(), rtol=0, atol=0)  # the newest two are kept
    for state, answer in zip(keep.states, said, strict=True):
        torch.testing.assert_close(answer, x @ state["weight"].T + state["bias"], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(model.weight.detach(), before, rtol=0, atol=0)


def test_a_loop_over_snapshots_that_stops_early_puts_the_weights_back_too(device):
    keep = Snapshots()
    model = trained(device, keep)
    before = model.weight.detach().clone()
    loop = keep.models(model)
    next(loop)
    loop.close()
    torch.testing.assert_close(model.weight.detach(), before, rtol=0, atol=0)


def test_swa_in_the_training_loop_is_the_mean_of_the_snapshots(device):
    keep, swa = Snapshots(), SWA(nn.Linear(3, 1).double().to(device))

    def both(model):
        return {**keep(model), **swa(model)}

    trained(device, both)
    expected = torch.stack([state["weight"] for state in keep.states]).mean(0)
    torch.testing.assert_close(swa.weights["weight"], expected, rtol=1e-12, atol=1e-12)


def test_for_a_linear_model_averaging_weights_and_predictions_is_the_same(device):
    keep, swa = Snapshots(), SWA(nn.Linear(3, 1).double().to(device))
    model = trained(device, lambda m: {**keep(m), **swa(m)})
    x = torch.randn(5, 3, dtype=torch.float64).to(device)
    predictions = torch.stack([each(x).detach() for each in keep.models(model)]).mean(0)
    with swa.applied(model):
        torch.testing.assert_close(model(x).detach(), predictions, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: cyclic_cosine(10, 3), "total must be a multiple of cycles"),
        (lambda: cyclic_cosine(10, 0), "total must be a multiple of cycles"),
        (lambda: Snapshots(last=0), "last must be 1 or more"),
        (lambda: next(Snapshots().models(nn.Linear(1, 1))), "needs a snapshot"),
        (lambda: SWA(nn.Linear(1, 1), start=-1), "start must be 0 or more"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_mean_over_many_updates_loses_no_precision():
    model = nn.Linear(1, 1).double()
    swa = SWA(model)
    values = np.random.default_rng(0).normal(size=1000)
    for value in values:
        nn.init.constant_(model.weight, value)
        swa.update(model)
    assert float(swa.weights["weight"]) == pytest.approx(values.mean(), abs=1e-13)
