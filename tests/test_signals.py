"""Signals at awkward moments."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import atexit, os, signal
from bench.signals import Ending

class Library:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)

atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))
ending = Ending()
library = Library()
del library
print("status", ending.status)
"""


def test_a_signal_where_nothing_can_be_raised_is_not_forgotten_and_leaves_no_traceback():
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert done.stdout == "status 143\n"
    assert done.stderr == "stopped; the same command goes on from here\n"
