"""A tenth of the trials of each fault program, or what minutes allow; started alone they make all of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FEW = {
    "kills": 20,
    "files": 24,
    "signals": 20,
    "writers": 10,
    "flips": 50,
    "full_disk": 5,
    "surroundings": 5,
    "bad_overrides": 100,
    "canaries": 2,
}


@pytest.mark.long
@pytest.mark.parametrize("program", FEW)
def test_nothing_is_lost_and_nothing_passes_in_silence(program):
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-m", f"tests.programs.faults.{program}", "--n", str(FEW[program]), "--json"],
        cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout, done.stderr[-2000:]
    assert json.loads(done.stdout)["missed"] == []
    assert done.returncode == 0
