"""Hidden sizes for a budget of training time: found once, shared by all that train equally fast, kept, found again."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch

from bench import results
from bench.core.errors import DataError, StorageError, UsageError
from bench.core.settings import InitSettings, SizeSettings
from bench.results import TimedSize, files
from bench.sweep import timed_size
from bench.sweep.timed_size import TimedSizes, stand_in
from tests.cli.test_config import GOOD, dispatch
from tests.toys import changed, machine, music_task, run, shape, text_task, write_text_task

TIMED = run(size=SizeSettings("seconds", us_per_unit=2.0))


@pytest.fixture
def timings(monkeypatch):
    """Have a unit take a hundredth of a microsecond for each hidden unit, and return the sizes of each timing."""
    asked = []

    def us_at(run, shapes, task, *, expected):
        asked.append([shape.hidden_size for shape in shapes])
        return [shape.hidden_size / 100 for shape in shapes]

    monkeypatch.setattr(timed_size, "us_per_unit", us_at)
    return asked


def sized(sizes: TimedSizes, of, directory) -> int:
    task = music_task()
    return sizes.hidden_size(
        of, task, lambda hidden: shape(dataclasses.replace(of, hidden_size=hidden), task), directory
    )


def kept(directory, of=TIMED) -> TimedSize:
    """Find a size and keep it."""
    sizes = TimedSizes(print)
    sized(sizes, of, directory)
    results.write_size(directory, sizes.timed_size(of))
    return sizes.timed_size(of)


def test_the_size_found_takes_the_budget_and_nothing_is_written(timings, tmp_path):
    sizes = TimedSizes(print)
    assert sized(sizes, TIMED, tmp_path) == 200
    assert sizes.timed_size(TIMED).us_per_unit == 2.0
    assert timings[-1] == [200]
    assert not list(tmp_path.iterdir())


SAME_SPEED = [
    dataclasses.replace(TIMED, seed=5),
    dataclasses.replace(TIMED, phase="tune"),
    dataclasses.replace(TIMED, init=InitSettings("greff2017")),
    changed(TIMED, "optim", lr=0.5, schedule="linear"),
    changed(TIMED, "train", max_epochs=7, patience=3, clip_norm=5.0, score_train=False),
]

OTHER_SPEED = [
    run("lstm", size=TIMED.size),
    dataclasses.replace(TIMED, num_layers=2),
    dataclasses.replace(TIMED, kernel="bptt"),
    changed(TIMED, "size", us_per_unit=3.0),
    changed(TIMED, "optim", name="sgd"),
    *[changed(TIMED, "train", **{name: 1}) for name in ("batch_size", "window", "weight_noise", "input_noise")],
    *[changed(TIMED, "train", **{name: 0.1}) for name in ("dropout", "input_dropout", "output_dropout")],
    changed(TIMED, "train", clip_norm=0.0),
]


@pytest.mark.parametrize("other", SAME_SPEED, ids=range(len(SAME_SPEED)))
def test_runs_that_train_equally_fast_share_one_timing(timings, tmp_path, other):
    sizes = TimedSizes(print)
    assert sized(sizes, TIMED, tmp_path) == sized(sizes, other, tmp_path)
    assert len([asked for asked in timings if asked == [1]]) == 1


@pytest.mark.parametrize("other", OTHER_SPEED, ids=range(len(OTHER_SPEED)))
def test_what_changes_the_speed_is_timed_by_itself(timings, tmp_path, other):
    sizes = TimedSizes(print)
    sized(sizes, TIMED, tmp_path)
    sized(sizes, other, tmp_path)
    assert len([asked for asked in timings if asked == [1]]) == 2


def test_rates_of_noise_take_no_time_but_whether_there_is_noise_does():
    quiet, some, more = (stand_in(changed(TIMED, "train", input_noise=noise)).key for noise in (0.0, 0.1, 0.9))
    assert quiet != some == more


def test_a_size_that_is_kept_is_found_again_without_timing(timings, tmp_path):
    found = kept(tmp_path)
    timings.clear()
    again = TimedSizes(pytest.fail)
    assert sized(again, TIMED, tmp_path) == 200
    assert again.timed_size(TIMED) == found
    assert timings == []


def test_a_damaged_size_is_named_timed_anew_and_set_aside(timings, tmp_path):
    kept(tmp_path)
    (path,) = (tmp_path / "sizes").iterdir()
    path.write_text(path.read_text().replace('"hidden_size": 200', '"hidden_size": 201'))
    timings.clear()
    said = []
    sizes = TimedSizes(said.append)
    assert sized(sizes, TIMED, tmp_path) == 200
    assert said[0].startswith(f"damaged: bad data in {path}: the timed size's digest does not match its content")
    assert timings
    results.write_size(tmp_path, sizes.timed_size(TIMED))
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}.damaged-1"]
    assert results.find_size(tmp_path, sizes.timed_size(TIMED).run) == sizes.timed_size(TIMED)


def test_a_size_under_the_name_of_another_run_is_damage(timings, tmp_path):
    other = dataclasses.replace(TIMED, num_layers=2)
    found = [kept(tmp_path, each) for each in (TIMED, other)]
    paths = {json.loads(path.read_text())["run"]["num_layers"]: path for path in (tmp_path / "sizes").iterdir()}
    paths[2].rename(paths[1])
    with pytest.raises(DataError, match=f"the timed size of another run, {found[1].run.key}"):
        results.find_size(tmp_path, found[0].run)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "\x00", '{"format": 1, "digest": "x"}', "9" * 5000])
def test_whatever_is_in_the_file_it_is_damage_and_no_traceback(timings, tmp_path, text):
    kept(tmp_path)
    (path,) = (tmp_path / "sizes").iterdir()
    path.write_text(text)
    with pytest.raises(DataError):
        results.find_size(tmp_path, stand_in(TIMED))


def test_a_size_that_another_command_has_kept_meanwhile_stays(timings, tmp_path):
    found = kept(tmp_path)
    with pytest.raises(UsageError, match="was written by another command meanwhile"):
        results.write_size(tmp_path, dataclasses.replace(found, hidden_size=201))
    assert results.find_size(tmp_path, found.run) == found


def test_a_disk_that_refuses_leaves_no_half_of_a_size(timings, tmp_path, monkeypatch):
    sizes = TimedSizes(print)
    sized(sizes, TIMED, tmp_path)

    def refused(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", refused)
    with pytest.raises(StorageError, match="No space left"):
        results.write_size(tmp_path, sizes.timed_size(TIMED))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize("is_joint", [False, True], ids=["alone", "joint"])
@pytest.mark.parametrize("task", [music_task(), text_task()], ids=["music", "text"])
@pytest.mark.parametrize("noise", [{}, {"weight_noise": 0.1, "input_dropout": 0.1}], ids=["plain", "noisy"])
def test_training_is_timed_at_every_size_on_one_thread_and_leaves_the_threads_as_they_were(
    task, noise, is_joint, monkeypatch
):
    on = dataclasses.replace(machine(torch.float32), is_joint=is_joint)
    n_threads = []
    monkeypatch.setattr(timed_size, "machine_for", lambda run, shape: n_threads.append(torch.get_num_threads()) or on)
    torch.set_num_threads(2)
    kind = "toy_music" if task.n_inputs else "toy_text"
    timed = stand_in(changed(run(task=kind, size=TIMED.size), "train", **noise))
    shapes = [shape(dataclasses.replace(timed, hidden_size=hidden), task) for hidden in (3, 5)]
    found = timed_size.us_per_unit(timed, shapes, task, expected=1e9)
    assert len(found) == 2
    assert all(us > 0 and math.isfinite(us) for us in found)
    assert (n_threads, torch.get_num_threads()) == ([1, 1], 2)


def test_every_size_is_timed_over_the_same_updates_in_turns(monkeypatch):
    taken = []
    monkeypatch.setattr(timed_size.Trainee, "us_per_unit", lambda self, n: taken.append((id(self), n)) or 40.0)
    task, timed = music_task(), stand_in(TIMED)
    shapes = [shape(dataclasses.replace(timed, hidden_size=hidden), task) for hidden in (3, 5)]
    assert timed_size.us_per_unit(timed, shapes, task, expected=20.0) == [40.0, 40.0]
    _, *turns = taken  # the first is one update, to see how many fill a turn
    n_updates = math.ceil(
        1e6 * timed_size.TURN_SECONDS / (40.0 * task.train.n_units / 3)
    )  # 10 sequences in threes and fours
    assert {n for _, n in turns} == {n_updates}
    assert len(turns) == 2 * (1 + timed_size.ROUNDS)
    assert turns == turns[:2] * (1 + timed_size.ROUNDS)


SECONDS = ("task=mine", "size=seconds", "size.us_per_unit=0.08", "train.max_updates=3", "name=timed")
SWEEP = ("-m", *SECONDS, "cell=gru,tanh", "seed=range(2)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with one small task of the user's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    write_text_task(tmp_path, GOOD)
    return tmp_path


def test_a_dry_run_times_and_leaves_nothing_on_disk(folder, timings, capsys):
    before = sorted(folder.rglob("*"))
    status, said = dispatch([*SWEEP, "dry_run=true"], capsys)
    assert (status, sorted(folder.rglob("*"))) == (0, before)
    assert "mine gru: hidden_size 8, 0.08 µs of training per unit, kernel " in said
    assert "+0.0% of the budget of 0.08" in said
    assert len([asked for asked in timings if asked == [1]]) == 2


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            "size=params size.num_params=5000",
            "hidden_size 19, 4,845 recurrent parameters, -3.1% of the budget of 5,000",
        ),
        (
            "size=flops size.num_flops=10000",
            "hidden_size 20, 10,080 recurrent operations per unit, +0.8% of the budget",
        ),
        (
            "size=flops size.num_flops=10000 size.count=total",
            "hidden_size 18, 9,900 total operations per unit, -1.0% of",
        ),
    ],
)
def test_what_a_solved_size_leaves_of_its_budget_is_shown(words, line, folder, capsys):
    status, said = dispatch(["task=mine", "cell=gru", "dry_run=true", *words.split()], capsys)
    assert (status, f"mine gru: {line}" in said) == (0, True), said


def test_a_sweep_keeps_its_sizes_and_goes_on_with_the_same(folder, timings, capsys):
    assert dispatch([*SWEEP, "workers=1"], capsys)[0] == 0
    assert len(list((folder / "results" / "timed" / "sizes").iterdir())) == 2
    assert {record.run.hidden_size for record in results.read(folder / "results" / "timed").records} == {8}
    timings.clear()
    status, said = dispatch([*SWEEP, "seed=range(3)", "dry_run=true"], capsys)
    assert (status, timings) == (0, [])
    assert "6 runs, 4 already done, 2 to do" in said


def test_one_unit_that_takes_too_long_is_refused_before_anything_is_written(folder, timings, capsys):
    status, said = dispatch([*SWEEP, "size.us_per_unit=0.004"], capsys)
    assert (status, "one unit already takes 0.01 microseconds, got a budget of 0.004" in said) == (2, True)
    assert not (folder / "results").exists()
