"""The command `probe`: trains recorded runs again to the bit, writes what it finds, and shows it in the report."""

from __future__ import annotations

import dataclasses

import pytest

from bench import store
from bench.errors import UsageError
from bench.probing import chosen, probes
from bench.request import Tasks
from tests.report.fabricated import failure, record, run
from tests.test_config import GOOD
from tests.test_sweep import bench
from tests.toys import write_text_task

SWEEP = ("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "seed=range(2)", "train.max_updates=30", "name=whole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    assert bench(path, *SWEEP).returncode == 0
    return path


def test_one_run_of_each_cell_is_probed_and_shown(folder):
    done = bench(folder, "probe", "results/whole")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the recorded weights, to the bit") == 2
    found = store.read_probes(folder / "results" / "whole")
    assert [probe.cell for probe in found.records] == ["gru", "tanh"]
    assert found.damaged == ()
    assert all(probe.is_same and probe.seed == 0 and probe.quartiles[1][0] == 1.0 for probe in found.records)
    assert [gate.gate for gate in found.records[0].gates] == ["r", "z"]
    assert "What the gates do" in (folder / "results" / "whole" / "report" / "report.html").read_text(encoding="utf-8")


def test_a_run_is_chosen_by_its_label(folder, monkeypatch):
    monkeypatch.chdir(folder)
    records = store.read(folder / "results" / "whole").records
    label = next(made.run.label for made in records if made.run.seed == 1)
    assert [made.run.label for made in chosen(records, [label])] == [label]
    with pytest.raises(UsageError, match="no finished run `nothing`"):
        chosen(records, ["nothing"])


def test_weights_that_are_not_those_of_the_record_are_told(folder, monkeypatch):
    monkeypatch.chdir(folder)
    made = store.read(folder / "results" / "whole").records[0]
    forged = dataclasses.replace(made, outcome=dataclasses.replace(made.outcome, weights_digest="0" * 64))
    (found,) = probes([forged], Tasks(None))
    assert not found.is_same


def test_a_damaged_probe_is_named_and_the_others_are_read(folder, tmp_path):
    for path in (folder / "results" / "whole" / "probes").glob("*.json"):
        store.make_folder(tmp_path / "probes")
        (tmp_path / "probes" / path.name).write_bytes(path.read_bytes())
    path = sorted((tmp_path / "probes").glob("*.json"))[0]
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'), encoding="utf-8")
    found = store.read_probes(tmp_path)
    assert len(found.records) == 1
    (message,) = found.damaged
    assert path.name in message


def test_the_best_settings_are_chosen_and_of_them_the_first_seed():
    good = [record(run("gru", seed, hidden_size=64)) for seed in (3, 1, 2)]
    bad = [record(run("gru", seed, hidden_size=8)) for seed in (0, 1)]
    (best,) = chosen([*bad, *good, failure(run("gru", 0, hidden_size=64))], [])
    assert (best.run.hidden_size, best.run.seed) == (64, 1)


def test_confirmed_runs_are_chosen_before_tuning_runs():
    tuned = record(run("gru", 0, hidden_size=200, phase="tune"))
    (best,) = chosen([tuned, record(run("gru", 5))], [])
    assert best.run.seed == 5
    assert chosen([tuned], []) == [tuned]
