"""Divergence: one rule, on the loss that a Run ends with, whatever carries it out."""

from __future__ import annotations

import dataclasses
import math
import re

import pytest
import torch

from bench.cells import cell_of
from bench.kernels import choose
from bench.tasks.base import blind_nats
from bench.training.member import WORST
from tests.toys import changed, machine, music_task, rolls, run, text_task, trained

WAYS = ("reference", "bptt", "fused", "joint")
"""Every kernel of a CPU, and all members computed at once as on a GPU."""

NUMBER = r"\d\.?\d*e\+\d+"


def ended(way: str, settings, task=None):
    """Return the member of a Run that was trained in one of the ways."""
    kernel = choose("reference" if way == "joint" else way, cell_of(settings.cell), torch.device("cpu"), torch.float32)
    on = dataclasses.replace(machine(torch.float32), kernel=kernel, is_joint=way == "joint")
    task = task or music_task()
    (member,) = trained([settings], task, task.train if task.n_inputs == 0 else rolls(4, seed=9), on)
    return member


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize(
    ("optim", "lr", "reason"),
    [
        ("adam", 1e9, f"the validation loss of {NUMBER} nats after 6 updates is more than 10 times the 61 of a blind"),
        ("adam", 1e10, f"the validation loss of {NUMBER} nats after 6 updates is more than 10 times the 61 of a blind"),
        ("adam", 1e30, f"the validation loss of {NUMBER} nats after 6 updates is more than 10 times the 61 of a blind"),
        ("adam", 1e38, "the training loss is not finite at update 2"),
        ("sgd", 1e9, f"the validation loss of {NUMBER} nats after 6 updates is more than 10 times the 61 of a blind"),
        ("sgd", 1e39, "the training loss is not finite at update 2"),
        ("rmsprop", 1e39, "the training loss is not finite at update 2"),
        ("adamw", 1e38, "the training loss is not finite at update 2"),
    ],
)
def test_an_absurd_learning_rate_ends_alike_with_every_kernel(cell, optim, lr, reason):
    settings = changed(run(cell), "optim", name=optim, lr=lr)
    for way in WAYS:
        member = ended(way, settings)
        assert member.status == "diverged", way
        assert re.match(reason, member.reason), f"{way}: {member.reason}"


def test_a_text_is_held_against_a_guess_among_its_vocabulary():
    task = text_task()
    assert blind_nats(task) == pytest.approx(math.log(task.n_outputs))
    member = ended("reference", changed(run(task="toy_text"), "optim", lr=1e9), task)
    assert member.status == "diverged"
    assert f"{WORST} times the {math.log(task.n_outputs):.3g} of a blind guess" in member.reason


def over(*losses: float, patience: int = 0):
    """Return a member that has found these validation losses; 10 nats are a blind guess's."""
    member = ended("reference", changed(run(), "train", max_epochs=1))
    member.run = changed(member.run, "train", max_epochs=1 if not patience else 100, patience=patience)
    member.status, member.reason, member.blind_nats = None, "", 10.0
    member.best_nats, member.n_stale = math.inf, 0
    for loss in losses:
        member.recent_units = 1
        member.record_evaluation(loss)
    member.stop_if_over()
    return member


def test_the_last_loss_decides_and_the_bound_itself_is_no_divergence():
    assert over(5.0, 10.0 * WORST).status == "done"
    assert over(5.0, 10.0 * WORST + 1e-9).status == "diverged"
    assert over(10.0 * WORST + 1, 5.0).status == "done"


def test_a_run_that_ends_early_with_a_loss_beyond_the_bound_has_diverged_as_well():
    assert over(5.0, 6.0, 7.0, patience=2).reason == "no better validation loss in 2 evaluations"
    assert over(5.0, 6.0, 1e6, patience=2).status == "diverged"
