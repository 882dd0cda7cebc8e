"""Schedules: closed forms at the corners."""

import pytest

from course_lib.training import schedules


def test_linear_rises_in_the_warm_up_and_ends_at_zero():
    factor = schedules.linear(10, warmup=3)
    assert [factor(step) for step in (0, 2, 3, 10, 99)] == pytest.approx([0.25, 0.75, 1, 0, 0])
    assert factor(5) == pytest.approx(5 / 7)


@pytest.mark.oracle
def test_cosine_is_the_one_of_torch():
    import torch

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.1)
    ours = schedules.cosine(20, floor=0.1)
    for step in range(20):
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        theirs.step()


@pytest.mark.oracle
def test_inverse_sqrt_is_the_one_of_transformers():
    import torch
    from transformers import get_inverse_sqrt_schedule

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = get_inverse_sqrt_schedule(optimizer, num_warmup_steps=8)
    ours = schedules.inverse_sqrt(8)
    for step in range(40):
        optimizer.step()
        theirs.step()  # transformers counts from 0 and begins with a step of size 0
        assert ours(step) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)


def test_constant_stays_at_one():
    assert [schedules.constant(warmup=1)(step) for step in (0, 1, 50)] == [0.5, 1, 1]


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: schedules.linear(3, warmup=3), "total"),
        (lambda: schedules.constant(warmup=-1), "warmup"),
        (lambda: schedules.cosine(9, floor=2), "floor"),
        (lambda: schedules.inverse_sqrt(0), "warmup"),
    ],
)
def test_bad_numbers_are_refused_by_name(make, name):
    with pytest.raises(ValueError, match=f"^{name} must"):
        make()
