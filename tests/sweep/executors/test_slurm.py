"""Jobs through submitit, whose local executor stands in for a cluster: the bits, deaths and stops of `local`."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.sweep.executors.sweeps import (
    PATIENT,
    SWEEP,
    bench,
    checkpoints,
    outcomes,
    parent_of,
    said,
    wait_for,
    worker_of,
)

pytest.importorskip("submitit")

LOCAL = ("executor=slurm", "slurm.cluster=local")

COMMANDS = {
    "sbatch": """
setsid bash -c 'export SLURM_JOB_ID=$$ SLURM_JOB_NODELIST=here; exec bash "$0"' "$1" > /dev/null 2>&1 &
grep '^#SBATCH' "$1" > "${0%/*}/asked"
echo "Submitted batch job $!"
""",
    "srun": """
named() { echo "$1" | sed "s/%j/$SLURM_JOB_ID/; s/%t/0/"; }
while [[ $1 == --* ]]; do
  case $1 in --output) out=$(named "$2"); shift;; --error) err=$(named "$2"); shift;; esac
  shift
done
exec "$@" > "$out" 2> "$err"
""",
    "scancel": 'kill -TERM -- "-$1"',
    "sacct": """
echo "JobID|State|NodeList"
while [[ $# -gt 0 ]]; do
  if [[ $1 == -j ]]; then kill -0 "$2" 2> /dev/null && echo "$2|RUNNING|here" || echo "$2|FAILED|here"; fi
  shift
done
""",
}
"""Slurm's commands in small: a job is a session of processes, and its number that of the first."""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """A folder with Slurm's commands that comes first on the PATH; what the last job asked for is in `asked`."""
    for name, script in COMMANDS.items():
        (tmp_path / name).write_text(f"#!/bin/bash{chr(10)}{script}")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_a_jobs_needs_reach_slurm_and_its_bits_are_those_of_processes(folder, slurm):
    asked = ("slurm.partition=short", "slurm.account=us", "slurm.minutes=7", "slurm.memory=1.5", "slurm.cores=2")
    done = bench(folder, *SWEEP, "executor=slurm", *asked, "name=slurm")
    assert done.returncode == 0, done.stderr
    assert outcomes(folder, "slurm") == outcomes(folder, "local")
    lines = {line.removeprefix("#SBATCH --") for line in (slurm / "asked").read_text().splitlines()}
    assert {"partition=short", "account=us", "time=7", "mem=1536MB", "cpus-per-task=2", "no-requeue"} <= lines
    assert {"job-name=gatebench-slurm", "signal=USR2@90"} <= lines


@pytest.mark.usefixtures("slurm")
def test_a_cancelled_job_makes_a_checkpoint_and_the_sweep_goes_on_later(folder, start):
    process = start("cancelled", "executor=slurm")
    worker = worker_of(checkpoints(folder, "cancelled")[0].parent)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENT) == 143
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), seconds=60)
    again = bench(folder, *SWEEP, "executor=slurm", "name=cancelled")
    assert again.returncode == 0, again.stderr
    assert outcomes(folder, "cancelled") == outcomes(folder, "local")


@pytest.mark.usefixtures("slurm")
def test_a_killed_job_is_noticed_through_slurms_accounts(folder, start):
    process = start("accounts", "executor=slurm")
    worker = worker_of(checkpoints(folder, "accounts")[0].parent)
    os.killpg(os.getpgid(worker), signal.SIGKILL)
    assert process.wait(PATIENT) == 0, said(folder, "accounts")
    assert "died, FAILED; see " in said(folder, "accounts")
    assert outcomes(folder, "accounts") == outcomes(folder, "local")


@pytest.mark.parametrize("shape", [(), ("slurm.packs=3", "slurm.cores=2")])
def test_jobs_give_the_bits_of_processes_and_leave_nothing_else(folder, shape):
    name = f"jobs{len(shape)}"
    done = bench(folder, *SWEEP, *LOCAL, *shape, f"name={name}")
    assert done.returncode == 0, done.stderr
    assert outcomes(folder, name) == outcomes(folder, "local")
    assert not (folder / "results" / name / "slurm").exists()


def test_a_killed_job_is_tried_again_from_its_checkpoint(folder, start):
    process = start("killed", *LOCAL)
    worker = worker_of(checkpoints(folder, "killed")[0].parent)
    job = parent_of(worker)
    os.kill(job, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), seconds=60)
    assert process.wait(PATIENT) == 0, said(folder, "killed")
    assert "retried: its job" in said(folder, "killed")
    assert outcomes(folder, "killed") == outcomes(folder, "local")


def test_a_worker_killed_in_a_job_is_tried_again_there(folder, start):
    process = start("worker", *LOCAL)
    os.kill(worker_of(checkpoints(folder, "worker")[0].parent), signal.SIGKILL)
    assert process.wait(PATIENT) == 0, said(folder, "worker")
    assert outcomes(folder, "worker") == outcomes(folder, "local")


def test_a_run_whose_jobs_die_too_often_is_recorded_with_the_reason(folder, start):
    process = start("lost", *LOCAL, "limits.retries=0")
    run = checkpoints(folder, "lost")[0].parent
    os.kill(parent_of(worker_of(run)), signal.SIGKILL)
    assert process.wait(PATIENT) == 1
    failures = {outcome.reason for _, outcome in outcomes(folder, "lost").values() if outcome.status == "failed"}
    (reason,) = failures
    assert reason.startswith("its job ")
    assert Path(reason.rpartition("see ")[2]).is_file()
    assert not list(folder.glob("results/lost/slurm/*/*.pkl"))


def test_a_job_at_the_end_of_its_time_makes_a_checkpoint_and_is_submitted_again(folder, start):
    process = start("preempted", *LOCAL, "limits.retries=0")
    os.kill(parent_of(worker_of(checkpoints(folder, "preempted")[0].parent)), signal.SIGUSR2)
    assert process.wait(PATIENT) == 0, said(folder, "preempted")
    assert "retried: its job was told to stop" in said(folder, "preempted")
    assert outcomes(folder, "preempted") == outcomes(folder, "local")


def test_a_stopped_sweep_leaves_checkpoints_and_no_process_and_goes_on(folder, start):
    process = start("stopped", *LOCAL)
    worker = worker_of(checkpoints(folder, "stopped")[0].parent)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENT) == 143
    assert "run the same command to continue" in said(folder, "stopped")
    wait_for(lambda: not Path(f"/proc/{worker}").exists(), seconds=60)
    assert not (folder / "results" / "stopped" / "slurm").exists()
    again = bench(folder, *SWEEP, *LOCAL, "name=stopped")
    assert again.returncode == 0, again.stderr
    assert outcomes(folder, "stopped") == outcomes(folder, "local")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("executor=slurm",), "error: executor=slurm: no sbatch and srun here; slurm.cluster=local does without"),
        ((*LOCAL, "slurm.partition='a b'"), "bad config at `slurm.partition`: must be letters, digits and . , _ -"),
        ((*LOCAL, "slurm.minutes=0"), "bad config at `slurm.minutes`: must be at least 1, got 0"),
    ],
)
def test_what_slurm_cannot_do_is_refused_before_anything_is_written(folder, words, message):
    refused = bench(folder, *SWEEP, *words, "name=refused")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert not (folder / "results" / "refused").exists()


def test_trials_that_fall_behind_are_given_up_in_their_jobs(folder):
    words = [
        "-m",
        "task=mine",
        "cell=gru",
        "hidden_size=6",
        "train.max_epochs=0",
        "train.max_updates=20000",
        "workers=2",
    ]
    words += [
        "train.evaluate_every=100",
        "train.score_train=false",
        "space=lr",
        "tune.n_trials=6",
        "tune/pruner=median",
    ]
    done = bench(folder, *words, "tune.pruner.n_startup_trials=1", "tune.confirm_seeds=1", *LOCAL, "name=pruned")
    assert done.returncode == 0, done.stderr
    trials = [run_outcome for run_outcome in outcomes(folder, "pruned").values() if run_outcome[0].phase == "tune"]
    given_up = [outcome for _, outcome in trials if outcome.status == "pruned"]
    assert given_up
    assert all(outcome.n_updates < 20000 for outcome in given_up)
    assert {outcome.status for _, outcome in trials} == {"pruned", "done"}
    names = {path.name for path in folder.glob("results/pruned/runs/*/*")}
    assert not names & {"losses.json", "given-up"}
