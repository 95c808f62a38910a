"""Files on disk: written whole or not at all, opened through no link, locked by one process at a time.

The locks are not those of the library filelock: `status` looks at one without taking it, in a folder that may be
read-only, and says who holds it, none of which filelock does; where there are no locks it makes do with a file that
outlives a killed process, and it does not refuse a lock that is another file by a second name.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


def opened(path: Path, flags: int = os.O_RDONLY) -> int:
    """Return the descriptor of a plain file, never of one that a link leads to. Raises OSError."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise OSError(errno.ELOOP, "a link, which is not followed", str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a file", str(path))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def bytes_of(path: Path, most: int = -1) -> bytes:
    """Return the content of a plain file, or so many bytes of it. Raises OSError, for a link too."""
    with os.fdopen(opened(path), "rb") as file:
        return file.read(most)


def write_whole(path: Path, content: bytes, *, is_synced: bool = True) -> None:
    """Write a file that is there whole or not at all, in the place of a link if one is there. Raises OSError.

    It is on disk when this returns, unless that is not asked for because the file can be made again.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with os.fdopen(_new(temporary), "wb") as file:
            file.write(content)
            file.flush()
            if is_synced:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    if is_synced:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the entries of a folder on disk; a file system that cannot do this for a folder is left to its own ways."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


def cache_dir() -> Path:
    """Return the folder of what can be made again: the environment variable GATEBENCH_CACHE, or the user's cache."""
    if chosen := os.environ.get("GATEBENCH_CACHE"):
        return Path(chosen).expanduser().absolute()
    from platformdirs import user_cache_dir  # kernels are used where it is not installed

    return Path(user_cache_dir("gatebench")).absolute()


@contextmanager
def lockable(path: Path) -> Iterator[IO[bytes]]:
    """Give a file that is there to be locked, made if needed. Raises OSError, for a link and for a second name too."""
    with os.fdopen(opened(path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0) as file:
        if os.fstat(file.fileno()).st_nlink > 1:
            raise OSError(errno.EMLINK, "it has a second name, a hard link, and what is written to it changes both")
        yield file


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Wait for a file to be this process's alone; the kernel lets go when a process ends, however. Raises OSError."""
    with lockable(path) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def locks(file: IO[bytes], *, is_shared: bool = False) -> bool:
    """Lock an open file if nobody has, without waiting, and return whether it is; a look needs a shared lock only."""
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _new(path: Path) -> int:
    """Return the descriptor of a new file; what a killed process has left in its place goes first."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        return opened(path, flags)
    except FileExistsError:
        path.unlink()
        return opened(path, flags)
