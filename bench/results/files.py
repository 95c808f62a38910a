"""Atomic writes that survive a crash; reads of bounded, plain files only.

A results directory may come from a stranger: it may itself be a link, which its user has made, but holds none.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.core import disk
from bench.core.errors import DataError, LinkError, StorageError

LARGEST_BYTES = 64 << 20
"""Most that a file of the store may hold; a record takes a few kilobytes."""

TEMPORARY = re.compile(r"\..+\.\d+\.tmp", re.DOTALL)
"""Names of files that are being written; see `disk.write_whole`."""


def write_whole(path: Path, content: str | bytes, *, is_synced: bool = True) -> None:
    """Write a file atomically, so that a crash leaves it complete or absent. Raises StorageError.

    One that can be made again need not be on disk when this returns; see `disk.write_whole`.
    """
    with storing(path):
        disk.write_whole(path, content.encode() if isinstance(content, str) else content, is_synced=is_synced)


def make_folder(directory: Path, *parts: str) -> Path:
    """Make a results directory, or a folder in it, durably (it survives a crash), and return it.

    Raises StorageError, and LinkError where a link stands in the place of one of the parts.
    """
    folder = directory.joinpath(*parts)
    with storing(folder):
        missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
        for each in (directory.joinpath(*parts[: n + 1]) for n in range(len(parts))):
            if each.is_symlink():
                raise LinkError(each)
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing or [folder]:
            disk.sync_folder(each.parent)
    return folder


def refuse_links(directory: Path) -> None:
    """Refuse a results directory that holds a link, wherever that leads; it may itself be one. Raises LinkError."""
    waiting = [directory]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:  # the reader of an unreadable folder reports it
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_symlink():
                    raise LinkError(Path(entry.path))
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))


def text_of(path: Path) -> str:
    """Return the text of a file. Raises FileNotFoundError, or DataError for one that no writer of ours has left."""
    return decoded(bytes_of(path), str(path))


def decoded(content: bytes, where: str) -> str:
    """Return the text of a file's content. Raises DataError naming `where`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(where, f"cannot be read: {error}") from error


def bytes_of(path: Path, most: int = LARGEST_BYTES) -> bytes:
    """Return the content of a plain file. Raises FileNotFoundError, or DataError for one that is larger or no file."""
    try:
        if not path.is_symlink() and not path.is_file() and path.exists():
            raise DataError(str(path), "not a file")
        content = disk.bytes_of(path, most + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
    if len(content) > most:
        raise DataError(str(path), f"larger than {most / (1 << 20):,.3g} MiB")
    return content


def set_aside(path: Path) -> Path:
    """Rename a damaged file within its folder and return the new path. Raises StorageError."""
    return rename_free(path, f"{path.name}.damaged-{{}}")


def rename_free(path: Path, pattern: str) -> Path:
    """Rename a file to the first name of a numbered pattern that is free. Raises StorageError."""
    with storing(path):
        number = 1
        while os.path.lexists(free := path.with_name(pattern.format(number))):
            number += 1
        path.rename(free)
        disk.sync_folder(path.parent)
    return free


def remove_leftovers(folder: Path) -> None:
    """Remove the incomplete files that a killed process left in a folder. Raises StorageError."""
    with storing(folder):
        for path in folder.glob(".*.tmp"):
            if TEMPORARY.fullmatch(path.name):
                path.unlink(missing_ok=True)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Convert an OSError into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP and path.is_symlink():
            raise LinkError(path) from error
        raise StorageError(path, error) from error
