"""The training loop: what must be equal is equal to the bit, what must be refused is refused."""

import signal
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.training import checkpoint as checkpoints
from course_lib.training import schedules
from course_lib.training.batches import Batches
from course_lib.training.fit import FitConfig, fit

CONFIG = FitConfig(steps=12, log_every=5, evaluate_every=4, checkpoint_every=3)


def examples(n=40, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.tensor(rng.normal(size=(n, 6)), dtype=torch.float32)
    return list(zip(x, (x.sum(1) > 0).long(), torch.tensor(rng.integers(1, 4, n)), strict=True))


def collate(batch):
    return tuple(torch.stack(column) for column in zip(*batch, strict=True))


def data(size=4, **options):
    return Batches(examples(), size, collate, seed=1, **options)


def network(device="cpu", width=8, dropout=0.2):
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(6, width), nn.Tanh(), nn.Dropout(dropout), nn.Linear(width, 2)).to(device)


def weighted_loss(model, batch):
    """A sum over examples that count once, twice or three times, and the sum of those weights."""
    x, y, weight = batch
    losses = nn.functional.cross_entropy(model(x), y, reduction="none")
    return (losses * weight).sum(), weight.sum(), {"accuracy": (model(x).argmax(1) == y).float().mean()}


@torch.no_grad()
def held_out(model):
    x, y, _ = collate(examples(50, seed=9))
    device = next(model.parameters()).device
    return {"loss": float(nn.functional.cross_entropy(model(x.to(device)), y.to(device)))}


def adam(model):
    return torch.optim.Adam(model.parameters(), lr=0.05)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def without_time(history):
    state = history.state_dict()
    for row in state["training"]:
        row.pop("seconds")
    return state


def checkpoint_step(path):
    return torch.load(path, weights_only=True)["state"]["step"]


# ---------------------------------------------------------------- learning


def test_it_learns_and_the_history_says_so(device):
    model = network(device)
    history = fit(model, data(10), weighted_loss, adam(model), replace(CONFIG, steps=60), evaluate=held_out)
    steps, losses = history.column("loss")
    assert steps[-1] == 60
    assert losses[-1] < 0.7 * losses[0]
    assert held_out(model)["loss"] < 0.5
    assert history.stopped == "steps"
    assert {"lr", "grad_norm", "accuracy", "epoch", "seconds"} <= set(history.training[0])
    assert history.column("loss", of="evaluations")[0][:2] == [4, 8]
    assert not model.training


def test_accumulated_gradients_equal_those_of_the_full_batch(device):
    ends = []
    for size, accumulate in ((12, 1), (4, 3), (3, 4)):
        model = network(device, dropout=0.0).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
        config = FitConfig(steps=9, accumulate=accumulate, clip=0.5)

        def double(m, batch):
            return weighted_loss(m, (batch[0].double(), *batch[1:]))

        # 40 examples in batches of 12: the last group of an epoch is a smaller one for each of the three.
        fit(model, data(size, shuffle=False), double, optimizer, config)
        ends.append(weights(model))
    for other in ends[1:]:
        for name, value in ends[0].items():
            torch.testing.assert_close(other[name], value, rtol=1e-12, atol=1e-12)


def test_clipping_bounds_the_step(device):
    model = network(device)
    before = weights(model)
    fit(
        model,
        data(),
        weighted_loss,
        torch.optim.SGD(model.parameters(), lr=1.0),
        FitConfig(steps=1, clip=0.01),
    )
    moved = torch.sqrt(sum((model.state_dict()[name] - before[name]).square().sum() for name in before))
    assert float(moved) == pytest.approx(0.01, rel=1e-3)


def test_the_schedule_multiplies_each_group_s_own_rate():
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[3].parameters(), "lr": 0.01}]
    optimizer = torch.optim.SGD(groups)
    history = fit(
        model, data(), weighted_loss, optimizer, FitConfig(steps=4, log_every=1), schedule=schedules.linear(4)
    )
    assert history.column("lr")[1] == pytest.approx([0.1, 0.075, 0.05, 0.025])
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.0025)


def test_averaged_weights_are_the_average_and_are_left_in_the_model():
    model, path = network(), []
    start = weights(model)

    def loss(m, batch):
        path.append(weights(m))
        return weighted_loss(m, batch)

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    fit(model, data(), loss, optimizer, FitConfig(steps=3, ema=0.5))
    twin = network()
    fit(twin, data(), weighted_loss, torch.optim.SGD(twin.parameters(), lr=0.1), FitConfig(steps=3))
    # w̄₃ = ⅛·w₀ + ⅛·w₁ + ¼·w₂ + ½·w₃
    for name, value in model.state_dict().items():
        expected = start[name] / 8 + path[1][name] / 8 + path[2][name] / 4 + twin.state_dict()[name] / 2
        torch.testing.assert_close(value, expected)


def test_patience_stops_and_the_best_weights_are_kept():
    model = network()
    losses = iter([0.5, 0.4, 0.6, 0.7, 0.1])
    seen = []

    def evaluate(m):
        seen.append(weights(m))
        return {"loss": next(losses)}

    config = FitConfig(steps=100, evaluate_every=2, patience=2, keep_best=True)
    history = fit(model, data(), weighted_loss, adam(model), config, evaluate=evaluate)
    assert history.stopped == "patience"
    assert [row["step"] for row in history.evaluations] == [2, 4, 6, 8]
    assert same(weights(model), seen[1])


def test_evaluating_never_changes_training(device):
    ends = []
    for every in (0, 1, 3):
        model = network(device)

        def evaluate(m):
            torch.rand(5)
            return held_out(m)

        fit(
            model,
            data(),
            weighted_loss,
            adam(model),
            FitConfig(steps=9, evaluate_every=every),
            evaluate=evaluate,
        )
        ends.append(weights(model))
    assert same(ends[0], ends[1])
    assert same(ends[0], ends[2])


def test_the_seed_decides_and_the_callers_randomness_is_untouched():
    ends = []
    for seed in (0, 0, 1):
        model = network()
        before = torch.get_rng_state()
        fit(model, data(), weighted_loss, adam(model), FitConfig(steps=5, seed=seed))
        assert torch.equal(before, torch.get_rng_state())
        torch.rand(7)
        ends.append(weights(model))
    assert same(ends[0], ends[1])
    assert not same(ends[0], ends[2])


# ---------------------------------------------------------------- precision


def test_bfloat16_autocast_computes_in_bfloat16_and_still_learns(device):
    model, kinds = network(device), set()
    model[0].register_forward_hook(lambda module, inputs, output: kinds.add(output.dtype))
    config = FitConfig(steps=60, precision="bfloat16")
    fit(model, data(10), weighted_loss, adam(model), config)
    assert kinds == {torch.bfloat16}
    assert next(model.parameters()).dtype == torch.float32
    assert held_out(model)["loss"] < 0.5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="float16 needs CUDA")
def test_float16_scales_the_loss_and_resumes_with_its_scaler(tmp_path):
    ends = []
    for parts in ((12,), (5, 12)):
        path = tmp_path / f"{len(parts)}.pt"
        for steps in parts:
            model = network("cuda")
            config = FitConfig(steps=steps, precision="float16", log_every=1)
            history = fit(model, data(), weighted_loss, adam(model), config, checkpoint=path)
        ends.append(weights(model))
        assert history.column("loss")[1][-1] < 1
    assert same(*ends)


def test_float16_without_cuda_is_refused():
    model = network()
    with pytest.raises(ValueError, match=r"^precision must"):
        fit(model, data(), weighted_loss, adam(model), FitConfig(steps=1, precision="float16"))


# ---------------------------------------------------------------- checkpoints


@pytest.mark.parametrize("stop", [1, 5, 7, 10, 11])
@pytest.mark.parametrize("accumulate", [1, 3])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(tmp_path, device, stop, accumulate):
    config = replace(CONFIG, accumulate=accumulate, ema=0.9, keep_best=True)
    cosine = schedules.cosine(12, warmup=2)

    def go(path, interrupt_at=None):
        model = network(device)

        def schedule(step):
            if step + 1 == interrupt_at:
                signal.raise_signal(signal.SIGINT)
            return cosine(step)

        history = fit(
            model, data(), weighted_loss, adam(model), config,
            schedule=schedule, evaluate=held_out, checkpoint=path,
        )  # fmt: skip
        return weights(model), history

    whole, history = go(tmp_path / "whole.pt")
    _, first = go(tmp_path / "parts.pt", interrupt_at=stop)
    assert first.stopped == "interrupted"
    assert checkpoint_step(tmp_path / "parts.pt") == stop
    resumed, second = go(tmp_path / "parts.pt")
    assert same(whole, resumed)
    assert without_time(history) == without_time(second)


def test_a_finished_run_is_loaded_and_not_trained_again(tmp_path):
    for patience in (None, 1):
        path = tmp_path / f"{patience}.pt"
        config = replace(CONFIG, patience=patience)
        model = network()
        scores = iter([0.1, 0.2, 0.3])
        fit(model, data(), weighted_loss, adam(model), config,
            evaluate=lambda m, s=scores: {"loss": next(s)}, checkpoint=path)  # fmt: skip
        again = network()
        history = fit(again, data(), None, adam(again), config, evaluate=held_out, checkpoint=path)
        assert same(weights(model), weights(again))
        assert history.stopped == ("patience" if patience else "steps")


def test_patience_and_the_best_weights_are_remembered_across_a_resumption(tmp_path):
    ends = []
    for name, stops in (("whole", [None]), ("parts", [3, None])):
        scores = iter([0.1, 0.5, 0.4, 0.3])
        for stop in stops:
            model = network()

            def schedule(step, stop=stop):
                if step + 1 == stop:
                    signal.raise_signal(signal.SIGINT)
                return 1.0

            config = FitConfig(steps=20, evaluate_every=2, patience=3, keep_best=True)
            history = fit(
                model, data(), weighted_loss, adam(model), config, schedule=schedule,
                evaluate=lambda m, scores=scores: {"loss": next(scores)}, checkpoint=tmp_path / name,
            )  # fmt: skip
        assert (history.stopped, history.evaluations[-1]["step"]) == ("patience", 8)
        ends.append(weights(model))
    assert same(*ends)


def test_a_longer_run_goes_on_from_a_shorter_one(tmp_path):
    path = tmp_path / "run.pt"
    for steps in (6, 12):
        model = network()
        fit(model, data(), weighted_loss, adam(model), FitConfig(steps=steps), checkpoint=path)
    whole = network()
    fit(whole, data(), weighted_loss, adam(whole), FitConfig(steps=12))
    assert same(weights(model), weights(whole))


@pytest.mark.parametrize("change", ["width", "config", "optimizer", "data"])
def test_a_checkpoint_of_another_run_is_refused_and_names_the_difference(tmp_path, change):
    path = tmp_path / "run.pt"
    model = network()
    fit(model, data(), weighted_loss, adam(model), CONFIG, checkpoint=path)
    other = network(width=9 if change == "width" else 8)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.1) if change == "optimizer" else adam(other)
    config = replace(CONFIG, clip=2.0) if change == "config" else CONFIG
    before = weights(other)
    named = {
        "width": r"weight 0\.\w+",
        "config": "run clip",
        "optimizer": "optimizer",
        "data": "run batches in",
    }
    with pytest.raises(ValueError, match=rf"^path must .*run\.pt, where {named[change]}"):
        fit(other, data(5 if change == "data" else 4), weighted_loss, optimizer, config, checkpoint=path)
    assert same(before, weights(other))


@pytest.mark.parametrize("damage", ["empty", "half", "last byte", "flipped byte", "text", "other torch file"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "run.pt"
    model = network()
    fit(model, data(), weighted_loss, adam(model), CONFIG, checkpoint=path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[whole.index(model[0].weight.detach().numpy().tobytes()) + 3] ^= 0x40
    files = {
        "empty": b"", "half": whole[: len(whole) // 2], "last byte": whole[:-1],
        "flipped byte": bytes(flipped), "text": b"not a checkpoint",
    }  # fmt: skip
    if damage == "other torch file":
        torch.save({"weights": torch.zeros(3)}, path)
    else:
        path.write_bytes(files[damage])
    with pytest.raises(ValueError, match=r"^path must be .*run\.pt"):
        fit(network(), data(), weighted_loss, adam(model), CONFIG, checkpoint=path)


def test_an_old_checkpoint_survives_a_crash_in_the_middle_of_a_write(tmp_path, monkeypatch):
    path = tmp_path / "run.pt"
    model = network()
    fit(model, data(), weighted_loss, adam(model), FitConfig(steps=3), checkpoint=path)
    old, save = path.read_bytes(), torch.save

    def crash(content, file):
        file.write(b"half of a checkp")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(OSError, match="no space"):
        fit(network(), data(), weighted_loss, adam(model), FitConfig(steps=6), checkpoint=path)
    monkeypatch.setattr(torch, "save", save)
    assert path.read_bytes() == old
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]
    assert checkpoints.load(path, checkpoints.signature(model, adam(model), {
        **FitConfig(steps=3).course(), "batches in an epoch": 10}))["step"] == 3  # fmt: skip


# ---------------------------------------------------------------- interruption and errors


def test_ctrl_c_finishes_the_step_and_leaves_a_usable_model():
    model, calls = network(), [0]

    def loss(m, batch):
        calls[0] += 1
        if calls[0] == 4:
            signal.raise_signal(signal.SIGINT)
        return weighted_loss(m, batch)

    before = signal.getsignal(signal.SIGINT)
    history = fit(model, data(), loss, adam(model), FitConfig(steps=50, ema=0.5))
    assert (history.stopped, calls[0]) == ("interrupted", 4)
    assert signal.getsignal(signal.SIGINT) is before
    assert not model.training
    assert np.isfinite(held_out(model)["loss"])


def test_a_second_ctrl_c_does_not_wait_for_the_step():
    model = network()

    def loss(m, batch):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the step went on")

    history = fit(model, data(), loss, adam(model), FitConfig(steps=5))
    assert history.stopped == "interrupted"
    assert not model.training


def test_it_runs_outside_the_main_thread_where_signals_cannot_be_caught():
    model, histories = network(), []
    thread = threading.Thread(
        target=lambda: histories.append(fit(model, data(), weighted_loss, adam(model), FitConfig(steps=2)))
    )
    thread.start()
    thread.join()
    assert histories[0].stopped == "steps"


def test_a_loss_that_is_not_finite_stops_with_the_step_in_the_message(tmp_path):
    model = network()
    with pytest.raises(FloatingPointError, match="by step 2"):
        fit(model, data(), lambda m, batch: (m(batch[0]).sum() * torch.nan), adam(model),
            FitConfig(steps=5, log_every=2), checkpoint=tmp_path / "run.pt")  # fmt: skip
    assert not (tmp_path / "run.pt").exists()


def test_nothing_is_printed_where_nobody_watches(capfd):
    model = network()
    fit(model, data(), weighted_loss, adam(model), FitConfig(steps=5))
    assert capfd.readouterr() == ("", "")


def test_a_bar_is_drawn_on_standard_output_where_somebody_watches(capfd, monkeypatch):
    monkeypatch.setenv("COURSE_LIB_PROGRESS", "1")
    model = network()
    fit(model, data(), weighted_loss, adam(model), FitConfig(steps=5), label="toy")
    out, err = capfd.readouterr()
    assert "toy" in out
    assert err == ""


class Nothing:
    def epoch(self, number, start=0):
        return iter(())


def test_data_without_batches_is_refused():
    model = network()
    with pytest.raises(ValueError, match=r"^data must yield"):
        fit(model, Nothing(), weighted_loss, adam(model), FitConfig(steps=1))


@pytest.mark.parametrize(
    "loss",
    [lambda m, batch: m(batch[0]), lambda m, batch: 0.5, lambda m, batch: m(batch[0]).mean().detach()],
    ids=["no scalar", "no tensor", "no gradient"],
)
def test_a_loss_that_cannot_be_minimised_is_refused(loss):
    model = network()
    with pytest.raises(ValueError, match=r"^loss_function must return a scalar"):
        fit(model, data(), loss, adam(model), FitConfig(steps=1))


def test_a_model_without_parameters_is_refused():
    with pytest.raises(ValueError, match=r"^model must have parameters"):
        fit(nn.ReLU(), data(), weighted_loss, adam(network()), FitConfig(steps=1))


@pytest.mark.parametrize("missing", ["evaluate", "monitor"])
def test_patience_needs_the_figure_that_it_watches(missing):
    model = network()
    config = FitConfig(steps=5, evaluate_every=1, patience=1, monitor="accuracy")
    with pytest.raises(ValueError, match=f"^{missing} must"):
        fit(
            model,
            data(),
            weighted_loss,
            adam(model),
            config,
            evaluate=held_out if missing == "monitor" else None,
        )


@pytest.mark.parametrize(
    "change",
    [
        {"steps": -1},
        {"accumulate": 0},
        {"clip": 0.0},
        {"log_every": 0},
        {"precision": "int8"},
        {"patience": 2},
    ],
)
def test_settings_outside_their_range_are_refused_by_name(change):
    with pytest.raises(ValueError, match=f"^{next(iter(change))} must"):
        FitConfig(**{"steps": 1, **change})
