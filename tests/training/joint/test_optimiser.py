"""The joint optimiser does for every member what torch.optim does for it alone."""

from __future__ import annotations

import math

import pytest
import torch

from bench.core.settings import OptimSettings
from bench.training.joint.optimiser import JointOptimiser
from bench.training.optim import TorchOptimiser
from tests.toys import changed, run

P = 100
VARIANTS = {
    "sgd": [
        {},
        {"weight_decay": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5, "nesterov": True, "weight_decay": 0.2},
    ],
    "rmsprop": [
        {},
        {"momentum": 0.9, "weight_decay": 0.1, "alpha": 0.95},
        {"alpha": 0.4},
        {"eps": 1e-3},
        {"eps": 0.3, "eps_rule": "max"},
        {"clip_velocity": 0.5, "momentum": 0.9},
        {"eps": 0.1, "eps_rule": "max", "clip_velocity": 0.2, "momentum": 0.5, "weight_decay": 0.1},
    ],
    "adam": [{}, {"beta1": 0.2}, {"beta2": 0.3}, {"weight_decay": 0.1, "beta1": 0.8, "eps": 1e-4}],
    "adamw": [{}, {"weight_decay": 0.1}, {"weight_decay": 0.2, "beta1": 0.0, "beta2": 0.5}],
}
CLIP_NORMS = (0.0, 0.5, 5.0)


def runs_of(rule: str):
    """Return a Run for each variant of a rule and each clip norm."""
    return [
        changed(changed(run(), "optim", name=rule, **variant), "train", clip_norm=clip_norm)
        for variant in VARIANTS[rule]
        for clip_norm in CLIP_NORMS
    ]


def normal(runs, generator, dtype=torch.float64):
    return torch.randn(len(runs), P, generator=generator, dtype=torch.float64).to(dtype)


def alone(runs, rows):
    return [TorchOptimiser(row, each.optim, each.train.clip_norm) for each, row in zip(runs, rows, strict=True)]


def lrs_at(step: int, runs) -> torch.Tensor:
    return torch.tensor([0.1 * (1 + k) / (len(runs) * (1 + step)) for k in range(len(runs))], dtype=torch.float64)


def step_all(joint: JointOptimiser, grads, lrs, nats=None, is_alive=None):
    K = len(grads)
    nats = torch.ones(K, dtype=grads.dtype) if nats is None else nats
    is_alive = torch.ones(K, dtype=torch.bool) if is_alive is None else is_alive
    return joint.step(grads.clone(), nats, lr=lrs, is_alive=is_alive)


@pytest.mark.parametrize("rule", VARIANTS)
def test_every_member_is_stepped_as_by_torch_with_settings_of_its_own(rule):
    generator, runs = torch.Generator().manual_seed(0), runs_of(rule)
    rows = normal(runs, generator)
    theirs = rows.clone()
    joint, singles = JointOptimiser(rows, runs), alone(runs, theirs)
    for step in range(12):
        grads, lrs = normal(runs, generator) * 0.5**step, lrs_at(step, runs)
        norms = step_all(joint, grads, lrs)
        expected = [each.step(grads[k].clone(), float(lrs[k])) for k, each in enumerate(singles)]
        torch.testing.assert_close(norms, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=0.0)
        torch.testing.assert_close(rows, theirs, rtol=1e-12, atol=1e-12)
    for k, each in enumerate(singles):
        for name, part in each.state().items():
            found = joint.state(k)[name]
            torch.testing.assert_close(found, part, rtol=1e-12, atol=1e-12, check_dtype=name != "step")


@pytest.mark.parametrize("rule", VARIANTS)
def test_single_precision_errs_about_as_little_as_torch(rule):
    runs = runs_of(rule)
    found = {}
    for kind, dtype in (("exact", torch.float64), ("torch", torch.float32), ("joint", torch.float32)):
        generator = torch.Generator().manual_seed(1)
        rows = normal(runs, generator, dtype)
        joint, singles = JointOptimiser(rows, runs), alone(runs, rows)
        for _ in range(40):
            grads, lrs = normal(runs, generator, dtype), lrs_at(0, runs) / 10
            if kind == "joint":
                step_all(joint, grads, lrs)
                continue
            for k, each in enumerate(singles):
                each.step(grads[k].clone(), float(lrs[k]))
        found[kind] = rows.double()
    error, rival = ((found[kind] - found["exact"]).abs().max() for kind in ("joint", "torch"))
    assert float(error) <= 2 * float(rival)


@pytest.mark.parametrize("rule", VARIANTS)
def test_a_member_that_is_not_finite_or_not_alive_is_left_unchanged_and_the_others_are_not(rule):
    generator, runs = torch.Generator().manual_seed(2), runs_of(rule)
    rows = normal(runs, generator)
    others = rows.clone()
    joint, calm = JointOptimiser(rows, runs), JointOptimiser(others, runs)
    for first in (True, False):
        before = {name: joint.state(0)[name].clone() for name in joint.state(0)} | {"row": rows[0].clone()}
        grads, nats = normal(runs, generator), torch.ones(len(runs), dtype=torch.float64)
        step_all(calm, grads, lrs_at(0, runs))
        spoilt, is_alive = grads.clone(), torch.ones(len(runs), dtype=torch.bool)
        spoilt[0, 3], nats[1], is_alive[2] = (math.nan if first else math.inf), math.inf, False
        kept = rows[:3].clone()
        norms = step_all(joint, spoilt, lrs_at(0, runs), nats, is_alive)
        assert not math.isfinite(norms[0])
        assert torch.equal(rows[:3], kept)
        assert torch.equal(rows[3:], others[3:])
        assert not torch.equal(rows[3:], kept[:1].expand(len(runs) - 3, P))
        after = joint.state(0) | {"row": rows[0]}
        assert all(torch.equal(after[name], part) for name, part in before.items())
        joint.rows.copy_(calm.rows)
        for name, moment in joint.moments.items():
            moment.copy_(calm.moments[name])
        joint.n_steps.copy_(calm.n_steps)


@pytest.mark.parametrize("rule", VARIANTS)
def test_a_member_goes_from_alone_to_joint_and_back(rule):
    generator, runs = torch.Generator().manual_seed(3), runs_of(rule)
    rows = normal(runs, generator)
    never, moved = rows.clone(), rows.clone()
    stays, singles = alone(runs, never), alone(runs, moved)
    for stint in range(3):
        if stint == 1:
            joint = JointOptimiser(moved, runs)
            for k, each in enumerate(singles):
                joint.load(k, each.state())
        if stint == 2:
            singles = alone(runs, moved)
            for k, each in enumerate(singles):
                each.load(joint.state(k))
        for _ in range(3):
            grads, lrs = normal(runs, generator), lrs_at(0, runs)
            for k, each in enumerate(stays):
                each.step(grads[k].clone(), float(lrs[k]))
            if stint == 1:
                step_all(joint, grads, lrs)
                continue
            for k, each in enumerate(singles):
                each.step(grads[k].clone(), float(lrs[k]))
        torch.testing.assert_close(moved, never, rtol=1e-12, atol=1e-12)


def test_every_rule_of_the_settings_is_known():
    from typing import get_args, get_type_hints

    assert set(get_args(get_type_hints(OptimSettings)["name"])) == set(VARIANTS)
