"""Learning-rate schedules, point by point, and the rate that reaches the weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from bench.core.settings import OptimSettings
from bench.kernels import FASTEST_FIRST, supports
from bench.training.loop import member_of
from bench.training.optim import Schedule
from tests.toys import changed, machine, rolls, run, shape, trained


def schedule(name: str, **settings) -> Schedule:
    return Schedule(OptimSettings(lr=2.0, schedule=name, **settings))


def test_constant_stays():
    constant = schedule("constant")
    assert {constant.lr(progress=p, epoch=e, at_end_of_epoch=1) for p in (0, 0.5, 1) for e in (0, 9)} == {2.0}


@pytest.mark.parametrize(("progress", "lr"), [(0.0, 2.0), (0.25, 1.625), (1.0, 0.5), (3.0, 0.5)])
def test_linear_falls_to_the_final_fraction_at_the_end_of_the_budget(progress, lr):
    assert schedule("linear", final_fraction=0.25).lr(progress=progress, epoch=0, at_end_of_epoch=1) == lr


def test_linear_by_epoch_falls_once_before_each_epoch_and_ends_at_the_final_fraction(music):
    each = changed(run(), "optim", lr=2.0, schedule="linear_by_epoch", final_fraction=0.01)
    each = changed(each, "train", max_epochs=4, batch_size=5)
    member = member_of(each, shape(each, music), music, machine(torch.float32))
    n, rates = member.batches.n_per_epoch, []
    while member.n_updates < 4 * n:
        rates += member.rates(n)
        member.n_updates += n
    assert n > 1
    assert rates == pytest.approx([2 * (1 - 0.99 * epoch / 4) for epoch in (1, 2, 3, 4) for _ in range(n)])


def test_zaremba_halves_at_every_epoch_after_the_constant_ones():
    falling = schedule("zaremba", factor=0.5, constant_epochs=4)
    rates = [falling.lr(progress=0, epoch=e, at_end_of_epoch=1) for e in range(7)]
    assert rates == [2.0, 2.0, 2.0, 2.0, 1.0, 0.5, 0.25]


def test_plateau_lowers_the_rate_when_patience_is_spent_and_starts_to_count_anew():
    plateau = schedule("plateau", factor=0.1, plateau_patience=2)
    rates = []
    for loss in (5.0, 4.0, 4.5, 4.1, 4.2, 4.3, 3.9, 4.0):
        plateau.observe(loss)
        rates.append(plateau.lr(progress=0, epoch=0, at_end_of_epoch=1))
    assert rates == pytest.approx([2, 2, 2, 0.2, 0.2, 0.02, 0.02, 0.02])


@pytest.mark.parametrize("name", ["constant", "linear", "linear_by_epoch", "plateau", "zaremba"])
def test_momentum_scales_the_rate_of_every_schedule_by_one_minus_itself(name):
    plain, scaled = (schedule(name, momentum=0.75, momentum_scales_lr=scales) for scales in (False, True))
    for progress, epoch in ((0.0, 0), (0.4, 3), (1.0, 9)):
        at = {"progress": progress, "epoch": epoch, "at_end_of_epoch": progress}
        assert scaled.lr(**at) == 0.25 * plain.lr(**at)


@pytest.mark.parametrize("is_joint", [False, True], ids=["alone", "joint"])
@pytest.mark.parametrize("kernel", FASTEST_FIRST, ids=lambda kernel: kernel.name)
def test_training_at_a_scaled_rate_is_training_at_the_product(kernel, is_joint, music):
    on = dataclasses.replace(machine(torch.float32), kernel=kernel, is_joint=is_joint)
    rule = {"name": "sgd", "momentum": 0.75, "nesterov": True}
    runs = [
        run(optim=OptimSettings(lr=0.5, momentum_scales_lr=True, **rule)),
        run(optim=OptimSettings(lr=0.125, **rule)),
    ]
    if not supports(kernel, shape(runs[0], music).cell, on.device, on.dtype) or (is_joint and kernel.name == "fused"):
        pytest.skip("not on this kernel")
    (scaled,), (product,) = (trained([each], music, rolls(4, seed=9), on) for each in runs)
    assert scaled.last_lr == product.last_lr == 0.125
    assert torch.equal(scaled.row, product.row)
