"""The store: one directory for each Run, its record written once, everything else rebuilt from the records.

results/NAME/runs/LABEL/record.json    the outcome
results/NAME/runs/LABEL/log.txt        the traceback of a failed Run
results/NAME/runs/LABEL/lock           held by the one process that works on the Run
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError, DataError, StorageError
from bench.records import Run, RunRecord

FINAL = ("done", "pruned", "diverged")
"""Endings that are not tried again."""


class HeldError(BenchError):
    """Another process works on this Run."""


@dataclass(frozen=True)
class Results:
    """What a results directory holds: readable records, and a message for each damaged one."""

    records: tuple[RunRecord, ...]
    damaged: tuple[str, ...]


def read(directory: Path) -> Results:
    """Read every record under a results directory, in the order of their names."""
    records, damaged = [], []
    for path in sorted(directory.glob("runs/*/record.json")):
        try:
            records.append(_read_record(path))
        except DataError as error:
            damaged.append(str(error))
    return Results(tuple(records), tuple(damaged))


def find(directory: Path, run: Run) -> RunRecord | None:
    """Return the record of a Run if it is there and whole."""
    path = folder_of(directory, run) / "record.json"
    if not path.exists():
        return None
    try:
        return _read_record(path)
    except DataError:
        return None


def write(directory: Path, record: RunRecord) -> Path:
    """Write a record once and for all; an earlier unfinished or damaged one is set aside under another name."""
    folder = folder_of(directory, record.run)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "record.json"
    if path.exists():
        path.rename(_free_name(folder))
    write_whole(path, record.to_json())
    return path


def write_log(directory: Path, run: Run, text: str) -> Path:
    """Keep the traceback of a failed Run."""
    folder = folder_of(directory, run)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "log.txt"
    write_whole(path, text)
    return path


def set_aside(path: Path) -> Path:
    """Give a damaged file another name beside it and return that."""
    number = 1
    while (aside := path.with_name(f"{path.name}.damaged-{number}")).exists():
        number += 1
    return path.rename(aside)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the machine stops."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(path, error) from error
    _sync_folder(path.parent)


@contextmanager
def held(directory: Path, run: Run) -> Iterator[None]:
    """Hold a Run for this process. Raises HeldError, naming the holder, if another process has it.

    The kernel lets go of the lock when the process ends, however it ends.
    """
    folder = folder_of(directory, run)
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise HeldError(f"run {run.label} is being worked on by process {file.read().strip()}") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def folder_of(directory: Path, run: Run) -> Path:
    """Return the directory of a Run."""
    return directory / "runs" / run.label


def _read_record(path: Path) -> RunRecord:
    try:
        return RunRecord.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error


def _free_name(folder: Path) -> Path:
    number = 1
    while (path := folder / f"record.{number}.json").exists():
        number += 1
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
