"""The plan: which Runs were asked for, so that what is missing can be told."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.core.digest import built_from, with_digest
from bench.core.errors import DataError
from bench.results.files import make_folder, text_of, write_whole
from bench.results.paths import PLAN
from bench.results.run import Run

FORMAT = 1


@dataclass(frozen=True)
class PlannedRun:
    """A Run by its key and its label."""

    key: str
    label: str


@dataclass(frozen=True)
class _Plan:
    format: int
    runs: tuple[PlannedRun, ...]


def write_plan(directory: Path, runs: Sequence[Run]) -> None:
    """Replace the plan by the Runs that a command asks for, unless it asks for a part of it. Raises StorageError."""
    make_folder(directory)
    planned = _planned(directory)
    if planned is not None and planned.issuperset(run.key for run in runs):
        return
    plan = _Plan(FORMAT, tuple(PlannedRun(run.key, run.label) for run in runs))
    write_whole(directory / PLAN, with_digest(dataclasses.asdict(plan)))


def _planned(directory: Path) -> set[str] | None:
    """Return the keys of the Runs planned so far, None where there is no plan that can be read."""
    try:
        return {run.key for run in read_plan(directory)}
    except (FileNotFoundError, DataError):
        return None


def read_plan(directory: Path) -> tuple[PlannedRun, ...]:
    """Return the Runs that were asked for. Raises FileNotFoundError, or DataError if the plan is damaged."""
    path = directory / PLAN
    return built_from(_Plan, text_of(path), str(path), FORMAT, "plan").runs
