"""One process per Run: a lock that the operating system releases when the process ends, even if it is killed."""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from bench.core import disk
from bench.core.errors import BenchError, StorageError
from bench.results.files import make_folder, remove_leftovers, storing
from bench.results.paths import LOCK, RUNS
from bench.results.run import Run

LOOK_SECONDS = 0.2
"""How long a lock may be in the way of its next owner because somebody looks whether it is held."""

CONTENT = re.compile(r"([\w.-]{1,255}) (\d{1,10}) ([\d:T+-]{1,40})\n", re.ASCII)


class HeldError(BenchError):
    """Another process works on this Run or study, whose folder it is."""

    def __init__(self, what: str, folder: Path, holder: Holder) -> None:
        super().__init__(f"{what} is being worked on by {holder}")
        self.folder = folder


@dataclass(frozen=True)
class Holder:
    """The process that works on a Run, and since when (ISO 8601, UTC); all empty where its lock does not say."""

    host: str = ""
    pid: int = 0
    since: str = ""

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}" if self.host else "another process"


@contextmanager
def held(directory: Path, run: Run) -> Iterator[None]:
    """Hold a Run for this process.

    Raises HeldError, naming the holder, if another process has it, and StorageError where nothing can be locked.
    """
    with locked(directory, RUNS, run.label, what=f"run {run.label}"):
        yield


@contextmanager
def locked(directory: Path, *parts: str, what: str) -> Iterator[None]:
    """Hold a folder for this process, made if it is not there; raises as `held` does, naming `what` is in it."""
    folder = make_folder(directory, *parts)
    path = folder / LOCK
    with ExitStack() as stack:
        with storing(path):
            file = stack.enter_context(disk.lockable(path))
        _take(file, path, what)
        remove_leftovers(folder)
        yield


def holder(folder: Path) -> Holder | None:
    """Return the process that holds the Run of a folder, None if there is none; never blocks, changes nothing."""
    path = folder / LOCK
    try:
        with os.fdopen(disk.opened(path), "rb") as file:
            return None if disk.locks(file, is_shared=True) else _holder_in(file)
    except OSError:
        return None


def wait_for(folder: Path) -> None:
    """Wait until no process holds a folder."""
    while holder(folder) is not None:
        time.sleep(LOOK_SECONDS)


def _take(file: IO[bytes], path: Path, what: str) -> None:
    until = time.monotonic() + LOOK_SECONDS
    try:
        while not disk.locks(file):
            if time.monotonic() > until:
                raise HeldError(what, path.parent, _holder_in(file))
            time.sleep(LOOK_SECONDS / 20)
    except OSError as error:
        raise StorageError(path, OSError(error.errno, f"its file system has no locks ({error.strerror})")) from error
    since = datetime.now(UTC).isoformat(timespec="seconds")
    with storing(path):
        file.truncate(0)
        file.seek(0)
        file.write(f"{socket.gethostname()} {os.getpid()} {since}\n".encode())
        file.flush()


def _holder_in(file: IO[bytes]) -> Holder:
    file.seek(0)
    parts = CONTENT.fullmatch(file.read(400).decode("utf-8", "replace"))
    if parts is None:
        return Holder()
    host, pid, since = parts.groups()
    return Holder(host, int(pid), since)
