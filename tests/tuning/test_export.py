"""Export: a file of tuned settings composes to the run that it stands for, to the key."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
import yaml

from bench import results
from bench.cli.app import PLUGINS
from bench.cli.compose import composed_tuned
from bench.cli.config import command_of, conf_dir
from bench.sweep.resolve import run_of
from bench.tasks.base import Sequences
from bench.tasks.opened import Tasks
from bench.tasks.piano_roll import PianoRoll
from bench.tasks.spec import task_spec
from bench.tuning.definition import FIRST_FRESH_SEED, Definition
from bench.tuning.export import FOLDER, MOST_NAMED, _how_to_use, tuned_file, winners_of
from tests.cli.test_config import node

HERE = conf_dir().parent
DIRECTORIES = sorted(path.parent for path in (HERE / "results").glob(f"*/{FOLDER}"))


class SilentTasks(Tasks):
    """Tasks as `run_of` asks for them, the rolls of music without the notes: no data file is needed."""

    def task(self, node):
        if node["kind"] != "piano_roll":
            return super().task(node)
        frames = (torch.zeros(1, 88),) * node["statistics"]["train"]["sequences"]
        return PianoRoll(task_spec(node, "task"), Sequences(frames, ""), None)

    def validation(self, node):
        return None

    def test_digest(self, node):
        return ""


def merged(node, over):
    """Return nested mappings with the values of others over them."""
    if not isinstance(over, Mapping):
        return over
    node = node if isinstance(node, Mapping) else {}
    return {**node, **{key: merged(node.get(key), value) for key, value in over.items()}}


def composed_without_hydra(path: Path, base):
    """Return what a file composes to, given the composition of any other: a hundredth of the time."""
    body = yaml.safe_load(path.read_text())
    chosen = {
        next(iter(choice)).removeprefix("override /"): name
        for choice in body.pop("defaults")
        for name in choice.values()
    }
    read = {group: yaml.safe_load((conf_dir() / group / f"{name}.yaml").read_text()) for group, name in chosen.items()}
    given = {**base, **dict.fromkeys(("hidden_size", "num_layers", "embedding_size")), **read}
    return merged(given, body)


@pytest.fixture(scope="module")
def tasks():
    return SilentTasks(None)


@pytest.fixture(scope="module", params=DIRECTORIES, ids=lambda path: path.name)
def directory(request):
    return request.param


@pytest.fixture(scope="module")
def records(directory):
    return results.read(directory, curves=False).records


@pytest.fixture
def hydra(monkeypatch):
    monkeypatch.chdir(HERE)
    monkeypatch.setattr(sys, "path", [str(PLUGINS), *sys.path])


def test_every_committed_file_gives_a_confirmed_run_to_the_key(directory, records, tasks, hydra):
    confirmed = {record.run.key for record in records if record.run.phase == "confirm"}
    fresh = {record.run.seed for record in records if record.run.key in confirmed}  # one for each replication
    files = sorted((directory / FOLDER).glob("*.yaml"))
    base = composed_tuned(directory, files[0].stem)
    wrong = []
    for path in files:
        command = command_of(composed_without_hydra(path, base))
        run = run_of(dataclasses.replace(command, seed=FIRST_FRESH_SEED), tasks)
        keys = {dataclasses.replace(run, seed=seed).key for seed in fresh}
        wrong += [(path.stem, run.hidden_size)] if keys.isdisjoint(confirmed) else []
    assert files
    assert wrong == []
    for path in files[1 :: len(files) // 3]:
        assert composed_without_hydra(path, base) == composed_tuned(directory, path.stem)


def test_the_committed_files_are_what_is_exported_from_the_records(directory, records):
    files = {path.stem: path.read_text() for path in (directory / FOLDER).glob("*.yaml")}
    winners = {winner.full_name: winner for winner in winners_of(results.read_studies(directory).records, records)}
    assert files == {stem: tuned_file(winner, stem, directory) for stem, winner in winners.items()}


def test_a_task_whose_first_step_is_given_is_exported_so(directory, records, tasks, hydra, tmp_path):
    winners = winners_of(results.read_studies(directory).records, records)
    winner = next(winner for winner in winners if winner.run.task["kind"] == "piano_roll")
    run = dataclasses.replace(winner.run, task={**winner.run.task, "first_step": "given"})
    (tmp_path / FOLDER).mkdir()
    for name, each in (("predicted", winner), ("given", dataclasses.replace(winner, run=run))):
        (tmp_path / FOLDER / f"{name}.yaml").write_text(tuned_file(each, name, tmp_path))
    found = {name: command_of(composed_tuned(tmp_path, name)) for name in ("predicted", "given")}
    assert run.key != winner.run.key
    for name, wanted in (("predicted", winner.run), ("given", run)):
        assert run_of(dataclasses.replace(found[name], seed=run.seed, phase=run.phase), tasks).key == wanted.key


def test_a_study_is_named_by_its_size_unless_that_is_searched():
    command = command_of(node(hidden_size=6, num_layers=2))
    assert Definition(command, {}).label == "mine gru h=6 x2"
    assert Definition(command, dict.fromkeys(("hidden_size", "num_layers"))).label == "mine gru"
    assert Definition(command, {}, replication=3).label == "mine gru h=6 x2 replication 3"


def test_the_command_with_tuned_settings_names_every_file_and_another_directory():
    one, two = _how_to_use(["a-gru"], Path("results/x")), _how_to_use(["a-gru", "a-lstm"], Path("results/x"))
    assert one == "python -m bench --config-dir results/x +tuned=a-gru name=x_again"
    assert two == "python -m bench -m --config-dir results/x +tuned=a-gru,a-lstm name=x_again"


def test_of_very_many_files_of_tuned_settings_one_is_taken():
    stems = [f"a-{i}" for i in range(MOST_NAMED + 1)]
    told = f"{MOST_NAMED + 1} files in results/x/tuned; python -m bench --config-dir results/x +tuned=NAME name=x_again"
    assert _how_to_use(stems, Path("results/x")) == told
