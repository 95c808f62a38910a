"""What is seen of a sweep under way: a bar on a terminal, a line for each Run anywhere, and an ETA."""

from __future__ import annotations

import io
import sys

import pytest

from bench.sweep.executors.base import Advanced, Ended, Retried
from bench.sweep.names import RunNames
from bench.sweep.progress import Board
from bench.sweep.schedule import Load
from bench.sweep.time_left import Durations, TimeLeft
from tests.report.fabricated import failure, record, run, task

START_UP = 100.0
"""Seconds in which data are read and kernels are built."""


class Screen(io.StringIO):
    """A stream that says of itself that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def loads_of(runs, operations=lambda made: 1.0):
    return {made.key: Load({}, {}, operations(made), "") for made in runs}


def shown(monkeypatch, stream, runs, follow):
    monkeypatch.setattr(sys, "stderr", stream)
    clock = Clock()
    with Board(len(runs), RunNames(runs), TimeLeft(runs, loads_of(runs)), clock) as board:
        follow(board, clock)
    return stream.getvalue()


def three_endings(board, clock):
    runs = [run("gru", seed) for seed in range(4)]
    clock.now = START_UP
    board.note(Advanced(runs[0], 0.0))
    for made, ended, problem in (
        (runs[0], record(runs[0]), ""),
        (runs[1], failure(runs[1], "diverged", "loss is not finite"), ""),
        (runs[2], failure(runs[2]), "ValueError: made up"),
    ):
        clock.now += 10
        board.end(Ended(made, "recorded"), ended, problem)
    clock.now += 10
    board.note(Advanced(runs[3], 0.5))


def test_without_a_terminal_there_is_one_plain_line_for_each_run(monkeypatch):
    text = shown(monkeypatch, io.StringIO(), [run("gru", seed) for seed in range(4)], three_endings)
    assert "\r" not in text
    assert "\x1b" not in text
    lines = text.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(
        "[1/4] gru seed=0  NLL (nats per frame): validation 8.523, test 8.573  28.3 s  (eta 0:30)"
    )
    assert lines[1].startswith("[2/4] gru seed=1  diverged: loss is not finite")
    assert lines[2].startswith("[3/4] gru seed=2  failed: ValueError: made up")


def test_on_a_terminal_a_bar_counts_the_states_and_gives_rate_and_time(monkeypatch):
    text = shown(monkeypatch, Screen(), [run("gru", seed) for seed in range(4)], three_endings)
    states = [part for part in text.split("\r") if " runs" in part]
    assert states[0].startswith("0/4 runs |")
    last = states[-1]
    assert "3/4 runs, 1 running, 1 done, 1 diverged, 1 failed, 4.5/min, eta 0:0" in last
    assert last.split("|")[2].strip().startswith("88 %")
    assert "[1/4] gru seed=0" in text


def test_a_retry_is_told_by_the_name_of_the_run(monkeypatch):
    runs = [run("gru", seed) for seed in range(2)]
    text = shown(monkeypatch, io.StringIO(), runs, lambda board, clock: board.note(Retried(runs[1], "killed")))
    assert text == "gru seed=1  retried: killed\n"


def test_a_run_that_was_stopped_is_not_counted_as_done(monkeypatch):
    runs = [run("gru", seed) for seed in range(2)]
    text = shown(monkeypatch, Screen(), runs, lambda board, clock: board.end(Ended(runs[0], "interrupted"), None, ""))
    assert "1/2 runs, 1 stopped" in text
    assert " done" not in text


def test_the_last_line_says_finished(monkeypatch):
    made = run("gru")
    follow = lambda board, clock: board.end(Ended(made, "recorded"), record(made), "")  # noqa: E731
    assert shown(monkeypatch, io.StringIO(), [made], follow).endswith("(finished)\n")


def test_start_up_is_not_in_the_time_left():
    runs = [run("gru", seed) for seed in range(4)]
    left = TimeLeft(runs, loads_of(runs))
    assert left.seconds(START_UP) is None
    left.advance(runs[0], 0.0, START_UP)
    assert left.seconds(START_UP) is None
    left.advance(runs[0], 0.5, START_UP + 5)
    assert left.seconds(START_UP + 5) == pytest.approx(35)  # a run takes 10 s, and 3.5 are left


def test_where_runs_end_before_they_tell_their_training_counts_alone():
    runs = [run("gru", seed) for seed in range(4)]
    left = TimeLeft(runs, loads_of(runs))
    left.end(runs[0], 10.0, START_UP + 10)
    assert left.seconds(START_UP + 10) == pytest.approx(30)


def test_runs_of_several_tasks_take_the_time_of_their_own_task():
    runs = [run(task=task(name), seed=seed) for name in ("quick", "slow") for seed in range(4)]
    left = TimeLeft(runs, loads_of(runs))  # by their operations they take equally long
    left.advance(runs[0], 0.0, 0.0)
    left.end(runs[0], 1.0, 1.0)
    left.end(runs[4], 9.0, 10.0)
    assert left.work == pytest.approx(3 * 1 + 3 * 9)
    assert left.seconds(10.0) == pytest.approx(30)


def test_runs_of_one_task_that_are_not_known_take_the_time_of_their_operations():
    runs = [run("gru", hidden_size=h) for h in (10, 20)]
    left = TimeLeft(runs, loads_of(runs, lambda made: made.hidden_size**2))
    left.advance(runs[0], 0.0, 0.0)
    left.end(runs[0], 3.0, 3.0)
    assert left.seconds(3.0) == pytest.approx(12)


def test_two_workers_halve_the_time_left():
    runs = [run("gru", seed) for seed in range(4)]
    left = TimeLeft(runs, loads_of(runs))
    for made in runs[:2]:
        left.advance(made, 0.0, START_UP)
    for made in runs[:2]:
        left.end(made, 10.0, START_UP + 10)
    assert left.seconds(START_UP + 10) == pytest.approx(10)


def test_what_an_earlier_command_trained_is_not_in_the_pace():
    runs = [run("gru", seed) for seed in range(3)]
    left = TimeLeft(runs, loads_of(runs), begun={runs[1].key})
    left.advance(runs[0], 0.0, 0.0)
    left.end(runs[0], 10.0, 10.0)
    left.advance(runs[1], 0.9, 10.0)
    assert left.seconds(10.0) == pytest.approx(11)


def test_runs_of_before_say_how_long_the_rest_takes():
    earlier, runs = run("gru", 9), [run("gru", seed) for seed in range(2)]
    durations = Durations()
    durations.learn(earlier, 1.0, 60.0)
    left = TimeLeft(runs, loads_of(runs), n_open=2, durations=durations)
    assert (left.is_measured, left.work) == (True, pytest.approx(240))


def test_runs_of_trials_to_come_are_counted_once():
    left = TimeLeft([], {}, n_open=3)
    left.advance(run("gru", 0), 0.0, 0.0)
    left.end(run("gru", 0), 10.0, 10.0)
    assert left.seconds(10.0) == pytest.approx(20)
