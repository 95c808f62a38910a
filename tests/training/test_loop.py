"""Training: members are independent, endings are right, every setting does what its name says."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch

from bench.results.run import Run
from bench.training import evaluation
from bench.training import loop as training
from bench.training.batches import training_batches
from bench.training.evaluation import Machine
from bench.training.member import Member
from tests.toys import cell_node, changed, machine, music_task, noisy, rolls, run, shape, text_task, trained

FLOAT32 = machine(torch.float32)
VALIDATION = rolls(4, seed=9)
CELLS = [
    *(cell_node(kind) for kind in ("gru", "lstm", "tanh")),
    cell_node("lstm", peepholes=True, forget_bias=1.0),
    cell_node("gru", reset="before"),
]
UNBIASED = [
    {"name": "gru_before", "kind": "gru", "reset": "before", "biases": "none"},
    {"name": "lstm_peephole", "kind": "lstm", "peepholes": True, "biases": "none"},
    cell_node("tanh", biases="none"),
]
"""As the equations of Chung et al. 2014 are printed."""


def train(*runs: Run, task=None, validation=None, on: Machine = FLOAT32):
    task = task or music_task()
    return trained(runs, task, validation or VALIDATION, on)


def test_members_computed_at_once_agree_with_members_alone():
    runs = [noisy(seed) for seed in range(3)]
    task = music_task()
    alone = train(*runs, task=task, on=machine())
    joint = dataclasses.replace(machine(), is_joint=True)
    together = train(*runs, task=task, on=joint)
    for left, right in zip(alone, together, strict=True):
        torch.testing.assert_close(left.best_row, right.best_row, rtol=1e-10, atol=1e-10)


def test_the_same_run_twice_gives_the_same_bits():
    (first,), (second,) = train(noisy(3)), train(noisy(3))
    assert torch.equal(first.best_row, second.best_row)
    assert first.curve == second.curve


def test_training_lowers_the_loss_and_keeps_the_best_weights():
    (member,) = train(changed(run(), "train", max_epochs=30), validation=music_task().train)
    losses = [point.validation_nats for point in member.curve]
    assert losses[-1] < losses[0]
    assert member.best_nats == min(losses)
    assert member.best_update == member.curve[losses.index(min(losses))].update


def test_a_diverging_member_ends_as_diverged_and_its_neighbour_goes_on():
    wild = changed(changed(run(seed=1), "optim", name="sgd", lr=1e38), "train", clip_norm=0.0)
    sane, lost = train(run(seed=0), wild)
    assert (sane.status, lost.status) == ("done", "diverged")
    assert "not finite at update" in lost.reason
    (alone,) = train(run(seed=0))
    assert torch.equal(sane.best_row, alone.best_row)


@pytest.mark.parametrize(
    ("settings", "n_updates"),
    [
        ({"max_epochs": 3}, 9),
        ({"max_epochs": 0, "max_updates": 7}, 7),
        ({"max_epochs": 2, "max_updates": 100}, 6),
        ({"max_epochs": 100, "max_updates": 4}, 4),
    ],
)
def test_a_budget_ends_training_at_its_limit(settings, n_updates):
    (member,) = train(changed(run(), "train", **settings))
    assert (member.status, member.reason) == ("done", "budget spent")
    assert member.n_updates == n_updates
    assert member.curve[-1].update == n_updates


def test_a_budget_in_seconds_ends_training():
    (member,) = train(changed(run(), "train", max_epochs=0, max_seconds=0.2))
    assert member.clock.train + member.clock.data >= 0.2
    assert member.curve_seconds[-1] >= 0.2


def test_patience_counts_from_the_best_evaluation():
    rising = changed(changed(run(), "optim", lr=0.3), "train", max_epochs=60, patience=2)
    (member,) = train(rising)
    assert member.reason == "no better validation loss in 2 evaluations"
    assert [point.update for point in member.curve][-3] == member.best_update


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("train", {"weight_noise": 0.1}),
        ("train", {"input_noise": 0.1}),
        ("train", {"dropout": 0.5}),
        ("train", {"input_dropout": 0.5}),
        ("train", {"output_dropout": 0.5}),
        ("train", {"clip_norm": 0.01}),
        ("train", {"batch_size": 3}),
        ("optim", {"lr": 0.02}),
        ("optim", {"beta1": 0.5}),
        ("optim", {"beta2": 0.5}),
        ("optim", {"eps": 0.1}),
        ("optim", {"weight_decay": 0.1}),
        ("optim", {"name": "adamw", "weight_decay": 0.2}),
        ("optim", {"name": "sgd"}),
        ("optim", {"name": "sgd", "momentum": 0.9}),
        ("optim", {"name": "sgd", "momentum": 0.9, "nesterov": True}),
        ("optim", {"name": "rmsprop"}),
        ("optim", {"name": "rmsprop", "alpha": 0.5}),
        ("optim", {"name": "rmsprop", "eps": 0.1, "eps_rule": "max"}),
        ("optim", {"name": "rmsprop", "clip_velocity": 0.01}),
        ("train", {"loss": "sum"}),
        ("optim", {"schedule": "linear_by_epoch"}),
        ("optim", {"schedule": "linear"}),
        ("optim", {"schedule": "linear", "final_fraction": 0.5}),
        ("optim", {"schedule": "zaremba", "constant_epochs": 1}),
        ("init", {"scheme": "torch"}),
        ("init", {"scheme": "zaremba2014"}),
        ("init", {"scheme": "greff2017"}),
        ("init", {"scale": 0.2}),
        ("init", {"output_bias": "zero"}),
    ],
    ids=str,
)
def test_every_setting_changes_the_weights(section, values):
    base = run(num_layers=2)
    (before,), (after,) = train(base), train(changed(base, section, **values))
    assert not torch.equal(before.row, after.row)


@pytest.mark.parametrize(
    ("field", "value"),
    [("forget_bias", 1.0), ("peepholes", True), ("biases", "single"), ("biases", "none")],
)
def test_every_field_of_the_lstm_changes_its_training(field, value):
    (before,), (after,) = train(run("lstm")), train(run(cell_node("lstm", **{field: value})))
    assert before.best_nats != after.best_nats


def test_the_window_is_the_length_of_truncated_backpropagation():
    task = text_task()
    narrow, wide = (changed(run(task="toy_text"), "train", window=window) for window in (3, 30))
    (left,), (right,) = (train(each, task=task, validation=task.train) for each in (narrow, wide))
    assert left.n_updates > right.n_updates
    assert left.best_nats != right.best_nats


def test_gradients_do_not_cross_windows_but_states_do():
    task = text_task()
    base = changed(run(task="toy_text"), "train", max_epochs=1, max_updates=2, window=9)
    (carried,) = train(base, task=task, validation=task.train)
    assert any(part.abs().max() > 0 for layer in carried.state for part in layer)
    assert not any(part.requires_grad for layer in carried.state for part in layer)


def test_gru_and_lstm_of_one_seed_see_the_same_data_in_the_same_order():
    batches = [
        training_batches(music_task(), seed=run(cell).seed, batch_size=4, window=0, dtype=torch.float32)
        for cell in ("gru", "lstm")
    ]
    for epoch in range(2):
        for position in range(batches[0].n_per_epoch):
            left, right = (each.batch(epoch, position) for each in batches)
            assert torch.equal(left.targets, right.targets)


def test_the_reported_curve_is_in_units_of_training():
    (member,) = train(changed(run(), "train", max_epochs=4))
    assert [point.epoch for point in member.curve] == [1.0, 2.0, 3.0, 4.0]
    assert all(math.isfinite(point.train_nats) for point in member.curve)
    assert member.clock.units == 4 * music_task().train.n_units
    assert member.curve_seconds == sorted(member.curve_seconds)


def test_seconds_are_not_lengthened_by_waiting_for_the_processor(monkeypatch):
    rates = Member.rates

    def late(member, n):
        clocks["own"] += 0.001 * n
        clocks["wall"] += 0.05 * n  # another program had the processor
        return rates(member, n)

    clocks = {"own": 0.0, "wall": 0.0}
    now = SimpleNamespace(process_time=lambda: clocks["own"], perf_counter=lambda: clocks["wall"])
    monkeypatch.setattr(Member, "rates", late)
    monkeypatch.setattr(evaluation, "time", now)
    (member,) = train(changed(run(), "train", max_updates=10, max_epochs=0))
    assert clocks["wall"] > 0.4
    assert member.clock.seconds == pytest.approx(0.01)


def test_numbers_too_small_for_the_processors_fast_path_count_as_zero():
    task, settings = music_task(), run()
    torch.set_flush_denormal(False)
    training.machine_for(settings, shape(settings, task))
    assert float(torch.tensor([1e-39]) * torch.ones(1)) == 0
