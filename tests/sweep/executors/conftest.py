"""A working directory with a sweep carried out by processes of this machine, to compare others with."""

from __future__ import annotations

import pytest

from tests.cli.test_config import GOOD
from tests.sweep.executors.sweeps import PATIENT, SWEEP, bench, started
from tests.toys import write_text_task


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("cluster")
    write_text_task(path, GOOD)
    done = bench(path, *SWEEP, "name=local")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def start(folder):
    """Start sweeps of which none outlives its test."""
    processes = []

    def begin(name, *words):
        processes.append(started(folder, name, *words))
        return processes[-1]

    yield begin
    for process in processes:
        process.terminate()
        process.wait(PATIENT)
