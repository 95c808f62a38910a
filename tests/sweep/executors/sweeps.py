"""A sweep of four Runs as a user starts it, what it says, what it leaves behind, and the processes at work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from bench import results
from tests.sweep.test_plan import PATIENT, bench, environment, wait_for

__all__ = ["PATIENT", "SWEEP", "bench", "environment", "wait_for"]

SWEEP = (
    *("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "seed=0,1", "workers=2", "checkpoint_seconds=0"),
    *("train.max_epochs=0", "train.max_updates=600"),
)


def outcomes(folder: Path, name: str) -> dict:
    """Return settings and outcome of every Run by key: all that must not depend on who carries it out."""
    return {record.key: (record.run, record.outcome) for record in results.read(folder / "results" / name).records}


def started(folder: Path, name: str, *words: str) -> subprocess.Popen:
    """Start the sweep and wait until one of its Runs has left a checkpoint."""
    command = [sys.executable, "-m", "bench", *SWEEP, f"name={name}", *words]
    with (folder / f"{name}.err").open("w") as err, (folder / f"{name}.out").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=out, stderr=err)
    wait_for(lambda: process.poll() is not None or checkpoints(folder, name))
    assert process.poll() is None, said(folder, name)
    return process


def said(folder: Path, name: str) -> str:
    return (folder / f"{name}.err").read_text()


def checkpoints(folder: Path, name: str) -> list[Path]:
    return list(folder.glob(f"results/{name}/runs/*/checkpoint.previous"))


def worker_of(run: Path) -> int:
    """Return the process that works on the Run of a directory."""
    return next(int(word) for word in (run / "lock").read_text().split() if word.isdigit())


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
