"""Files that are there whole or not at all, whenever the machine stops; what is read is bounded and plain."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.errors import DataError, StorageError

LARGEST_BYTES = 64 << 20
"""Most that a file of the store may hold; a record takes a few kilobytes."""


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the machine stops. Raises StorageError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with storing(path):
        try:
            with temporary.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that none is lost when the machine stops. Raises StorageError."""
    with storing(folder):
        missing = [each for each in (folder, *folder.parents) if not each.is_dir()]
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing or [folder]:
            _sync_folder(each.parent)


def text_of(path: Path) -> str:
    """Return the text of a file. Raises FileNotFoundError, or DataError for one that no writer of ours has left."""
    try:
        if not path.is_file() and os.path.lexists(path):
            raise DataError(str(path), "not a file")
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
        if len(content) > LARGEST_BYTES:
            raise DataError(str(path), f"larger than {LARGEST_BYTES >> 20} MiB")
        return content.decode("utf-8")
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error


def set_aside(path: Path) -> Path:
    """Give a damaged file another name beside it and return that. Raises StorageError."""
    return rename_free(path, f"{path.name}.damaged-{{}}")


def rename_free(path: Path, pattern: str) -> Path:
    """Rename a file to the first name of a numbered pattern that is free. Raises StorageError."""
    with storing(path):
        number = 1
        while os.path.lexists(free := path.with_name(pattern.format(number))):
            number += 1
        path.rename(free)
        _sync_folder(path.parent)
    return free


def remove_leftovers(folder: Path) -> None:
    """Remove what a killed writer of a folder has left half written. Raises StorageError."""
    with storing(folder):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into a StorageError that names the path."""
    try:
        yield
    except OSError as error:
        raise StorageError(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Have the entries of a folder on disk; a file system that cannot do this for a folder is left to its own ways."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)
