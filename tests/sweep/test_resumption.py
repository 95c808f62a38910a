"""Runs and the processes they run in: what is limited, what is tried again, what goes on where it stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from bench import results
from bench.core.settings import Site
from bench.sweep.worker import Worker, train_pack
from bench.tasks.opened import Tasks
from bench.training.checkpoint import GENERATIONS
from tests.sweep.test_plan import GOOD, PATIENT, bench, environment, records, wait_for, workers_at, write_text_task
from tests.warm import start

LONG = (
    *("task=mine", "cell=gru", "hidden_size=6", "train.max_epochs=0", "train.max_updates=1000"),
    *("checkpoint_seconds=0", "report=false"),
)
TO_THE_END = (*LONG, "checkpoint_seconds=1000")
"""The same for a command that nothing interrupts: checkpoints are most of its time, and no part of its result."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    assert bench(path, *LONG, "name=whole").returncode == 0
    return path


def started(folder, *words, begin=start):
    """Start a command and wait until its training has left a checkpoint."""
    name = next(word.removeprefix("name=") for word in words if word.startswith("name="))
    command = begin(folder, *words, err=folder / f"{name}.log")
    wait_for(lambda: list(folder.glob(f"results/{name}/runs/*/checkpoint.previous")))
    return command


def start_anew(folder, *words, err) -> subprocess.Popen:
    """Start a command as a user does, whose Python imports what it needs and starts workers that do so as well."""
    with err.open("w") as log:
        return subprocess.Popen([sys.executable, "-m", "bench", *words], cwd=folder, env=environment(), stderr=log)


def looked_at(folder, name, *words) -> int:
    """Return the exit status of a command whose worker stands still, so that its limits are looked at."""
    command = start(folder, *LONG, f"name={name}", "train.max_updates=1000000", *words, err=folder / f"{name}.log")
    wait_for(lambda: workers_at(folder, name) or command.poll() is not None)
    for worker in workers_at(folder, name):
        with suppress(ProcessLookupError):  # it is killed as soon as its limits are looked at
            os.kill(worker, signal.SIGSTOP)
    return command.wait(PATIENT)


def outcome(folder, name):
    (record,) = records(folder, name)
    return record.outcome


STOPS = [(signal.SIGTERM, 143, start_anew), (signal.SIGINT, 130, start), (signal.SIGUSR2, 143, start)]


@pytest.mark.parametrize(("number", "status", "begin"), STOPS)
def test_a_stopped_run_says_so_and_goes_on_to_the_same_bits(folder, number, status, begin):
    name = f"name=stopped{int(number)}"
    process = started(folder, *LONG, name, begin=begin)
    process.send_signal(number)
    assert process.wait(PATIENT) == status
    assert "run the same command to continue" in (folder / f"stopped{int(number)}.log").read_text()
    assert bench(folder, *TO_THE_END, name).returncode == 0
    (record,) = records(folder, name.removeprefix("name="))
    assert record.outcome == outcome(folder, "whole")
    (note,) = record.provenance.resumed
    assert note.startswith("resumed after ")
    assert note.endswith(", bit-identical")


def test_a_run_whose_worker_is_killed_is_tried_again_from_its_checkpoint(folder):
    process = started(folder, *LONG, "name=retried", begin=start_anew)
    children = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True)
    os.kill(int(children.stdout.split()[0]), signal.SIGKILL)
    assert process.wait(PATIENT) == 0
    assert "retried: its process was killed by SIGKILL" in (folder / "retried.log").read_text()
    (record,) = records(folder, "retried")
    assert record.outcome == outcome(folder, "whole")
    assert record.provenance.resumed


def test_workers_end_with_their_parent(folder):
    process = started(folder, *LONG, "name=orphans", "train.max_updates=1000000", begin=start_anew)
    children = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "spawn_main"], capture_output=True, text=True)
    process.kill()
    process.wait()
    wait_for(lambda: not any(os.path.exists(f"/proc/{child}") for child in children.stdout.split()))


def test_a_run_that_is_out_of_time_goes_on_when_it_is_given_more(folder):
    done = bench(folder, *LONG, "name=timed", "limits.seconds=0.001")
    assert done.returncode == 1
    assert outcome(folder, "timed").status == "timeout"
    assert "limits.seconds: 0.001 s are spent after" in done.stderr
    again = bench(folder, *LONG, "name=timed", "limits.seconds=0.001")
    assert "1 already done" in again.stderr
    assert bench(folder, *TO_THE_END, "name=timed", "limits.seconds=1000").returncode == 0
    assert outcome(folder, "timed") == outcome(folder, "whole")


def test_a_run_beyond_its_memory_ends_as_failed_with_the_reason(folder):
    assert looked_at(folder, "large", "limits.memory=0.01") == 1
    assert "out of memory: its process took" in outcome(folder, "large").reason


def test_a_run_that_says_nothing_ends_as_failed_with_the_reason(folder):
    assert looked_at(folder, "silent", "limits.silence=0.001") == 1
    assert "(limits.silence: 0.001)" in outcome(folder, "silent").reason


@pytest.mark.parametrize("seed", [0, 1], ids=["skipped", "found by a worker"])
def test_a_checkpoint_that_a_finished_run_has_left_behind_is_removed_at_the_next_look(folder, seed):
    name = f"left{seed}"
    assert bench(folder, *TO_THE_END, f"name={name}").returncode == 0
    (run,) = folder.glob(f"results/{name}/runs/*")
    for generation in GENERATIONS:
        (run / generation).write_bytes(b"of a process that died after it had written the record")
    if seed:
        site = Site(folder / "results" / name)
        ((ending,),) = [list(train_pack([each.run], a_worker(site))) for each in records(folder, name)]
        assert ending.delivery == "recorded"
    else:
        before = (run / "record.json").read_bytes()
        assert bench(folder, *TO_THE_END, f"name={name}").returncode == 0
        assert (run / "record.json").read_bytes() == before
    assert {path.name for path in run.iterdir()} == {"record.json", "lock"}


def a_worker(site) -> Worker:
    return Worker(site, Tasks(None), lambda run, progress: None, None, lambda: False)


def test_a_run_that_is_out_of_time_keeps_its_checkpoint(folder):
    for _ in range(2):
        bench(folder, *LONG, "name=kept", "limits.seconds=0.001")
        assert list(folder.glob("results/kept/runs/*/checkpoint"))


TWO = ("-m", *LONG, "seed=0,1", "workers=1", "population=1")


def test_a_run_whose_folder_is_deleted_under_it_ends_as_failed_and_the_others_go_on(folder):
    process = started(folder, *TWO, "name=deleted")
    (run,) = folder.glob("results/deleted/runs/*")
    (worker,) = workers_at(folder, "deleted")
    os.kill(worker, signal.SIGSTOP)
    shutil.rmtree(run)
    os.kill(worker, signal.SIGCONT)
    assert process.wait(PATIENT) == 1
    found = {record.run.label: record.outcome for record in records(folder, "deleted")}
    assert sorted(each.status for each in found.values()) == ["done", "failed"]
    assert found[run.name].reason == "its folder was deleted while it was trained"
    assert bench(folder, *TWO, "name=deleted", "checkpoint_seconds=1000").returncode == 0
    assert [record.outcome.status for record in records(folder, "deleted")] == ["done", "done"]


def test_what_is_said_to_be_safe_is_there(folder):
    name = "name=counted"
    assert bench(folder, *TO_THE_END, "seed=0", name).returncode == 0
    process = started(folder, *TWO, name)
    shutil.rmtree(next(folder.glob("results/counted/runs/*/record.json")).parent)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENT) == 143
    assert "stopped; 0 of 2 runs are done and safe" in (folder / "counted.log").read_text()


def test_a_damaged_checkpoint_is_named_in_the_record_and_costs_no_bit(folder):
    process = started(folder, *LONG, "name=damaged")
    process.send_signal(signal.SIGTERM)
    process.wait(PATIENT)
    (path,) = folder.glob("results/damaged/runs/*/checkpoint")
    path.write_bytes(path.read_bytes()[:-9])
    assert bench(folder, *TO_THE_END, "name=damaged").returncode == 0
    (record,) = records(folder, "damaged")
    assert record.outcome == outcome(folder, "whole")
    assert "the file is damaged; set aside as checkpoint.damaged-1" in record.provenance.resumed[0]


def test_a_checkpoint_is_made_nowhere_but_beside_its_record(folder):
    names = {path.name for path in folder.glob("results/whole/runs/*/*")}
    assert names == {"record.json", "lock"}
    assert json.loads(next(folder.glob("results/whole/runs/*/record.json")).read_text())["format"] == 2
    assert len(results.read(folder / "results" / "whole").records) == 1
