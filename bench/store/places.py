"""Where things are in a results directory."""

from __future__ import annotations

from pathlib import Path

from bench.errors import DataError
from bench.records import Run

RUNS = "runs"
RECORD = "record.json"
LOCK = "lock"
PLAN = "plan.json"
STUDIES = "studies"
STUDY = "study.json"


def folder_of(directory: Path, run: Run) -> Path:
    """Return the directory of a Run."""
    return directory / RUNS / run.label


def folders_in(directory: Path) -> list[Path]:
    """Return the directories of all Runs that were begun, in the order of their names."""
    try:
        return sorted(path for path in (directory / RUNS).iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(str(directory / RUNS), f"cannot be read: {error}") from error
