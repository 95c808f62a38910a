"""Hidden sizes found by timing, stored because a second measurement could give other sizes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from bench.core.digest import built_from, with_digest
from bench.core.errors import DataError, UsageError
from bench.core.schema import Positive, Width
from bench.results.files import make_folder, set_aside, text_of, write_whole
from bench.results.paths import SIZES
from bench.results.run import Run, slug

FORMAT = 1


@dataclass(frozen=True)
class TimedSize:
    """A hidden size found by timing `run`, which stands for all Runs that train equally fast, at several sizes.

    `us_per_unit` is what a unit of training took at that size, with which kernel and on which processor.
    """

    run: Run
    hidden_size: Width
    us_per_unit: Positive
    kernel: str
    cpu: str
    format: int = field(default=FORMAT)


def find_size(directory: Path, run: Run) -> TimedSize | None:
    """Return the size that was found by timing that very Run, None if none was. Raises DataError for a damaged file."""
    path = _path(directory, run)
    try:
        found = built_from(TimedSize, text_of(path), str(path), FORMAT, "timed size")
    except FileNotFoundError:
        return None
    if found.run.key != run.key:
        raise DataError(str(path), f"the timed size of another run, {found.run.key}")
    return found


def write_size(directory: Path, found: TimedSize) -> None:
    """Store a size; a damaged file of its name is renamed.

    Raises StorageError, and UsageError where another command has kept another size meanwhile.
    """
    path = _path(directory, found.run)
    try:
        kept = find_size(directory, found.run)
    except DataError:
        set_aside(path)
        kept = None
    if kept is not None and kept.hidden_size != found.hidden_size:
        raise UsageError(f"{path} was written by another command meanwhile; the same command again goes by it")
    if kept is None:
        make_folder(directory, SIZES)
        write_whole(path, with_digest(dataclasses.asdict(found)))


def _path(directory: Path, run: Run) -> Path:
    return directory / SIZES / f"{slug(run.task_name)}-{slug(run.cell_name)}-{run.key}.json"
