"""`first_step: given`: a task's YAML, its data, and what the program says of it."""

from __future__ import annotations

import json

import pytest
import yaml

from bench.cli.config import command_of_task
from bench.cli.task_page import describe
from bench.core.errors import ConfigError, DataError
from bench.tasks import open_task
from bench.tasks.base import unigram_nats
from bench.tasks.spec import task_spec
from bench.testing import tasks
from bench.training import batches
from tests.cli.test_config import dispatch

LONG = [[[60 + t % 5, 64], [62], [], [60]] * 3 for t in range(4)]
NODE = {
    "name": "mine",
    "kind": "piano_roll",
    "version": 1,
    "title": "Mine",
    "licence": "none",
    "metric": "nll",
    "direction": "minimise",
    "sources": [{"kind": "local", "file": "mine.json"}],
    "settings": {"train": {"batch_size": 2, "max_epochs": 1}},
}
GIVEN = {**NODE, "first_step": "given"}


@pytest.fixture
def folder(data):
    """A working directory with a music task of 4, 3 and 2 pieces of twelve frames and one of two."""
    return written(data, {"train": LONG, "valid": LONG[:3], "test": [*LONG[:1], [[60], [64]]]})


def written(folder, music, node=NODE):
    (folder / "task").mkdir(exist_ok=True)
    (folder / "task" / "mine.yaml").write_text(yaml.safe_dump(node))
    (folder / "mine.json").write_text(json.dumps(music))
    return folder


def opened(node):
    return open_task(task_spec(node, "task.mine"), None)


def test_a_piece_has_a_unit_less_and_its_statistics_stay_those_of_the_data(folder):
    found = opened(NODE)
    statistics = {"train": {"sequences": 4, "units": 48, "digest": found.train.digest}}
    given = opened({**GIVEN, "statistics": statistics})
    assert (found.train.n_units, given.train.n_units) == (48, 44)
    assert given.train.lengths == (11,) * 4
    assert (given.read("test").lengths, given.read("test").digest) == ((11, 1), found.read("test").digest)


def test_the_unigram_loss_that_is_held_against_print_is_that_of_all_frames(folder):
    found, given = opened(NODE), opened(GIVEN)
    assert unigram_nats(given, given.read("test")) == found.baseline(found.read("test"))["nats"]
    assert given.baseline(given.read("test"))["nats"] != found.baseline(found.read("test"))["nats"]


def test_a_piece_of_one_frame_has_nothing_to_predict_and_is_refused(folder):
    written(folder, {"train": [*LONG, [[60]]], "valid": LONG[:3], "test": LONG})
    assert opened(NODE).train.n_units == 49
    with pytest.raises(DataError, match=r"split train: sequence 4 must have 2 steps or more where the first is given"):
        opened(GIVEN)


def test_it_keeps_the_contract_of_a_task(folder):
    tasks.check_task({**GIVEN, "statistics": {"train": {"sequences": 4, "units": 48}}})


def test_the_suite_tells_a_first_input_that_is_not_the_given_frame(folder, monkeypatch):
    padded = batches._pad

    def blind(frames, n_given, dtype):
        batch = padded(frames, n_given, dtype)
        batch.inputs[:, :, 0] = 0
        return batch

    monkeypatch.setattr(batches, "_pad", blind)
    for check in (lambda task: tasks.check_evaluation(task, task.train), tasks.check_epoch):
        check(opened(NODE))
        with pytest.raises(AssertionError, match="the first input must be the given frame"):
            check(opened(GIVEN))


def test_another_value_is_refused(folder):
    with pytest.raises(ConfigError, match=r"`task\.first_step`: must be one of predicted, given, got 'seen'"):
        task_spec({**NODE, "first_step": "seen"}, "task")


def test_validate_says_that_the_first_step_is_given(folder):
    page = describe(command_of_task(GIVEN), None)
    assert "\nthe first step of each sequence is given: an input alone, neither trained on nor scored\n" in page
    assert "4 sequences, 44 frames" in page
    assert "given" not in describe(command_of_task(NODE), None)


@pytest.mark.parametrize("words", [["task=mine"], ["-m", "task=mine", "cell=gru,lstm"]], ids=" ".join)
def test_a_command_gives_the_first_step_of_a_task_whose_yaml_does_not_say(words, folder, capsys):
    def runs(*more):
        status, said = dispatch([*words, "dry_run=true", *more], capsys)
        assert status == 0, said
        return sorted(line.split()[-1] for line in said.splitlines() if line.startswith("waiting"))

    plain = runs()
    given = runs("task.first_step=given")
    assert set(plain).isdisjoint(given)
    assert runs("task.first_step=predicted") == runs("task.margin=0.1") == plain
    assert runs("+task.first_step=given") == given
    written(folder, {"train": LONG, "valid": LONG, "test": LONG}, GIVEN)
    assert runs() == given
    assert runs("task.first_step=predicted") == plain


def test_an_experiment_gives_the_first_step_as_a_command_does(folder, capsys):
    (folder / "experiments").mkdir()
    found = []
    for text in ("task: {first_step: given}", "hydra: {sweeper: {params: {task.first_step: given}}}"):
        (folder / "experiments" / "try.yaml").write_text(f"# @package _global_\n{text}\n")
        found.append(dispatch(["-m", "experiments=try", "task=mine", "dry_run=true"], capsys))
    found.append(dispatch(["task=mine", "task.first_step=given", "dry_run=true"], capsys))
    keys = {next(line.split()[-1] for line in said.splitlines() if line.startswith("waiting")) for _, said in found}
    assert len(keys) == 1


def test_one_sweep_does_not_mix_both(folder, capsys):
    status, said = dispatch(["-m", "task=mine", "task.first_step=predicted,given", "dry_run=true"], capsys)
    assert (status, "two tasks of one sweep are called `mine`, and differ in `first_step`" in said) == (2, True)
