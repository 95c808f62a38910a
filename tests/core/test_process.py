"""Signals at awkward moments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import atexit, os, signal
from bench.core.process import Shutdown

class Library:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
shutdown = Shutdown()
library = Library()
del library
print("status", shutdown.status)
"""


def test_a_signal_where_nothing_can_be_raised_is_not_forgotten_and_leaves_no_traceback():
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.stdout == "status 143\n"
    assert done.stderr == "stopped; run the same command to continue\n"


STOPPED = """
import atexit, sys
from bench import __main__
from bench.cli import app

class Library:
    def __del__(self):
        print("taken down")

library = Library()
library.itself = library  # as a library's modules are, found by nothing but the last collection
atexit.register(print, "kept up to the end")
app.run = {how}
__main__.main(["task=any"])
"""


@pytest.mark.parametrize(
    ("how", "status", "is_taken_down"),
    [
        ("lambda words: 143", 143, False),
        ("lambda words: sys.exit(143)", 143, False),
        ("lambda words: sys.exit(130)", 130, False),
        ("lambda words: 1", 1, True),
        ("lambda words: sys.exit(1)", 1, True),
    ],
)
def test_a_program_that_stops_for_a_signal_does_not_take_its_libraries_down_first(how, status, is_taken_down):
    """With torch loaded that takes half a second of the processor, and ten of the clock where nine share it."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", STOPPED.replace("{how}", how)]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout == "kept up to the end\n" + "taken down\n" * is_taken_down
