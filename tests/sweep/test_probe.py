"""The command `probe`: trains recorded runs again to the bit, writes what it finds, and shows it in the report."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path

import pytest

from bench import results
from bench.cli.commands import probe as command
from bench.core.console import say
from bench.core.errors import UsageError
from bench.core.settings import Site
from bench.sweep.probe import chosen, probes
from bench.sweep.worker import Worker, train_pack
from bench.tasks import opened
from tests.report.fabricated import failure, record
from tests.report.fabricated import run as made_up
from tests.toys import changed, music_task, rolls, run, text_task


class ToyTasks:
    """Stands for the tasks that a process has opened."""

    def __init__(self, data_dir=None, announce=print) -> None:
        pass

    def task(self, node):
        return music_task() if node["name"] == "toy_music" else text_task()

    def validation(self, node):
        return rolls(4, seed=9) if node["name"] == "toy_music" else text_task().train

    def baseline(self, task, name, split):
        return task.baseline(split)


def train(directory, runs) -> None:
    worker = Worker(Site(directory), ToyTasks(), lambda run, progress: None, None, lambda: False)
    for each in runs:
        assert [event.delivery for event in train_pack([each], worker)] == ["recorded"]


def tuned(cell, seed=0, **changes):
    return changed(run(cell, seed=seed, phase="tune", **changes), "train", score_train=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("results") / "toy"
    train(path, [tuned(cell, seed) for cell in ("gru", "tanh") for seed in range(2)])
    return path


def test_one_run_of_each_cell_is_probed_and_shown(folder, monkeypatch, capsys):
    monkeypatch.setattr(opened, "Tasks", ToyTasks)
    assert command.run(argparse.Namespace(directory=folder, run=[], data_dir=None)) == 0
    assert capsys.readouterr().err.count("the recorded weights, to the bit") == 2
    found = results.read_probes(folder)
    assert found.damaged == ()
    assert [(probe.cell, probe.seed, probe.is_same) for probe in found.records] == [("gru", 0, True), ("tanh", 0, True)]
    assert [gate.gate for gate in found.records[0].gates] == ["r", "z"]
    assert all(probe.quartiles[1][0] == 1.0 for probe in found.records)
    assert "What the gates do" in (folder / "report" / "report.html").read_text(encoding="utf-8")


def test_weights_that_are_not_those_of_the_record_are_told(folder, monkeypatch, capsys):
    made = results.read(folder).records[0]
    outcome = dataclasses.replace(made.outcome, weights_digest="0" * 64)
    (found,) = probes([dataclasses.replace(made, outcome=outcome)], folder, ToyTasks(), say)
    assert not found.is_same


def test_a_text_model_of_two_layers_is_probed_in_each(tmp_path):
    train(tmp_path, [tuned("lstm", task="toy_text", num_layers=2)])
    (found,) = probes(results.read(tmp_path).records, tmp_path, ToyTasks(), say)
    assert found.is_same
    assert [(gate.layer, gate.gate) for gate in found.gates] == [(n, gate) for n in (0, 1) for gate in "ifo"]
    for gate in found.gates:
        assert math.fsum(gate.shares) == pytest.approx(1)
        assert len(gate.closed) == found.hidden_size
        assert len(gate.time_constants) == (found.hidden_size if gate.gate == "f" else 0)


def test_probing_leaves_the_number_of_threads_as_it_was(folder):
    import torch

    before = torch.get_num_threads()
    list(probes(results.read(folder).records[:1], folder, ToyTasks(), say))
    assert torch.get_num_threads() == before


def test_a_damaged_probe_is_named_and_the_others_are_read(folder, tmp_path):
    found = list(probes(results.read(folder).records[:2], folder, ToyTasks(), say))
    paths = [results.write_probe(tmp_path, probe) for probe in found]
    assert results.read_probes(tmp_path).records == tuple(sorted(found, key=lambda probe: probe.label))
    paths[0].write_text(paths[0].read_text(encoding="utf-8").replace('"n_steps": ', '"n_steps": 1'), encoding="utf-8")
    left = results.read_probes(tmp_path)
    assert left.records == (found[1],)
    (message,) = left.damaged
    assert paths[0].name in message


def test_a_run_is_chosen_by_its_label():
    records = [record(made_up("gru", seed)) for seed in range(2)]
    assert chosen(records, [records[1].run.label]) == [records[1]]
    with pytest.raises(UsageError, match="no finished run `nothing`"):
        chosen(records, ["nothing"])


def test_the_best_settings_are_chosen_and_of_them_the_first_seed():
    good = [record(made_up("gru", seed, hidden_size=64)) for seed in (3, 1, 2)]
    bad = [record(made_up("gru", seed, hidden_size=8)) for seed in (0, 1)]
    (best,) = chosen([*bad, *good, failure(made_up("gru", 0, hidden_size=64))], [])
    assert (best.run.hidden_size, best.run.seed) == (64, 1)


def test_confirmed_runs_are_chosen_before_tuning_runs():
    trial = record(made_up("gru", 0, hidden_size=200, phase="tune"))
    (best,) = chosen([trial, record(made_up("gru", 5))], [])
    assert best.run.seed == 5
    assert chosen([trial], []) == [trial]
