"""Equal commands at the same time: each Run is carried out once, and every command ends when all is done."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.sweep.test_plan import GOOD, PATIENT, bench, records, wait_for, workers_at, write_text_task
from tests.sweep.test_resumption import LONG, outcome, started
from tests.warm import Command, start

AT_ONCE = 4
WAITING = "of other processes: process"
SHORT = ("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "train.max_epochs=0", "workers=1")
SWEEP = (*SHORT, "train.max_updates=300", "seed=0,1")
TUNING = (*SHORT, "train.max_updates=60", "space=lr", "tune.n_trials=3", "tune.confirm_seeds=2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    assert bench(path, *LONG, "name=whole").returncode == 0
    return path


def second(folder: Path, name: str, *words: str) -> Command:
    """Start a command whose Run another one is at, and wait until it says that it waits."""
    said = folder / f"{name}.second"
    command = start(folder, *words, f"name={name}", err=said)
    wait_for(lambda: said.exists() and WAITING in said.read_text())
    return command


def suspended(folder: Path, name: str) -> tuple[Command, int]:
    """Start a command, and stop the worker of its Run in its tracks; return both."""
    command = started(folder, *LONG, f"name={name}")
    (worker,) = workers_at(folder, name)
    os.kill(worker, signal.SIGSTOP)
    return command, worker


@pytest.mark.parametrize("words", [SWEEP, TUNING], ids=["sweep", "tuning"])
def test_equal_commands_at_once_all_end_well_and_carry_out_each_run_once(folder, words):
    name = words[-1].replace("=", "").replace(",", "").replace(".", "")
    said = [folder / f"{name}-{number}.err" for number in range(AT_ONCE)]
    commands = [start(folder, *words, f"name={name}", "report=false", err=path) for path in said]
    statuses = [command.wait(PATIENT) for command in commands]
    texts = [path.read_text() for path in said]
    assert statuses == [0] * AT_ONCE, texts
    assert not any("Traceback" in text or "failed" in text for text in texts)
    assert bench(folder, *words, f"name={name}alone", "report=false").returncode == 0
    alone, together = ({r.key: r.outcome for r in records(folder, each)} for each in (f"{name}alone", name))
    assert together == alone
    files = {path.name for path in folder.glob(f"results/{name}/runs/*/*")}
    assert files == {"lock", "record.json"}


def test_a_command_says_who_has_its_run_and_ends_when_that_is_done(folder):
    first, worker = suspended(folder, "waits")
    other = second(folder, "waits", *LONG)
    assert f"waiting for 1 run {WAITING} {worker} on " in (folder / "waits.second").read_text()
    os.kill(worker, signal.SIGCONT)
    assert (first.wait(PATIENT), other.wait(PATIENT)) == (0, 0)
    assert outcome(folder, "waits") == outcome(folder, "whole")
    assert "[1/1]" in (folder / "waits.second").read_text()


def test_a_command_takes_over_the_run_of_one_that_is_killed(folder):
    first, _ = suspended(folder, "inherits")
    other = second(folder, "inherits", *LONG)
    first.kill()
    first.wait(PATIENT)
    assert other.wait(PATIENT) == 0
    (record,) = records(folder, "inherits")
    assert record.outcome == outcome(folder, "whole")
    assert record.provenance.resumed


def test_a_command_that_waits_can_be_stopped_and_leaves_the_other_alone(folder):
    first, worker = suspended(folder, "left")
    other = second(folder, "left", *LONG)
    other.send_signal(signal.SIGINT)
    assert other.wait(PATIENT) == 130
    assert "stopped; 0 of 1 runs are done and safe" in (folder / "left.second").read_text()
    os.kill(worker, signal.SIGCONT)
    assert first.wait(PATIENT) == 0
    assert outcome(folder, "left") == outcome(folder, "whole")
