"""Where things are in a results directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.core.errors import ConfigError, DataError
from bench.results.run import Run

RUNS = "runs"
RECORD = "record.json"
WEIGHTS = "weights.safetensors"
LOCK = "lock"
PLAN = "plan.json"
STUDIES = "studies"
PROBES = "probes"
STUDY = "study.json"
SIZES = "sizes"
ARCHIVE = "archive.zip"
NOTES = "notes.md"
RESULTS = Path("results")


def results_directory(name: str) -> Path:
    """Return where the results of that name are. Raises ConfigError for a name that is no plain file name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}", name):
        raise ConfigError("name", f"must be letters, digits, _ and -, at most 60, got {name!r}")
    directory = RESULTS / name
    if directory.exists() and not directory.is_dir():
        raise ConfigError("name", f"{directory} is there and is no directory")
    return directory


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


SHAPE = re.compile(r"(\w+)-(\w+)-h(\d+)x(\d+)-s(\d+)-([0-9a-f]{16})", re.ASCII)


@dataclass(frozen=True)
class Label:
    """The parts of a Run's label; names are slugs."""

    task: str
    cell: str
    hidden_size: int
    num_layers: int
    seed: int
    key: str

    @staticmethod
    def of(name: str) -> Label | None:
        """Return the parts of a label, None for a name that is none."""
        parts = SHAPE.fullmatch(name)
        if parts is None:
            return None
        task, cell, hidden_size, num_layers, seed, key = parts.groups()
        return Label(task, cell, int(hidden_size), int(num_layers), int(seed), key)
