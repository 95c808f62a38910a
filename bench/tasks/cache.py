"""The cache folder: fetched and converted data, each file there whole or not at all, and checked at every read."""

from __future__ import annotations

import fcntl
import glob
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.core.errors import BenchError


def cache_dir() -> Path:
    """Return the folder of kept data: the environment variable GATEBENCH_CACHE, or one in the user's cache."""
    from platformdirs import user_cache_dir

    chosen = os.environ.get("GATEBENCH_CACHE") or user_cache_dir("gatebench")
    return Path(chosen).expanduser().absolute()


def made_cache_dir() -> Path:
    """Return the cache folder, made if needed. Raises BenchError if it cannot be."""
    with _writing(cache_dir()) as folder:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def kept(stem: str, suffix: str) -> Path | None:
    """Return the kept file of this name, or None. A file that differs from the digest in its name is removed."""
    for name in sorted(glob.glob(f"{glob.escape(stem)}.{'?' * 64}{suffix}", root_dir=cache_dir())):
        path = cache_dir() / name
        with suppress(FileNotFoundError):  # another process may have removed it just now
            if digest_of_file(path) == name.removesuffix(suffix)[-64:]:
                return path
            path.unlink()
    return None


def keep(stem: str, suffix: str, content: bytes) -> Path:
    """Keep a file, its digest in its name, and return its path. Raises BenchError if it cannot be written."""
    path = made_cache_dir() / f"{stem}.{hashlib.sha256(content).hexdigest()}{suffix}"
    temporary = path.with_name(f".{stem}.{os.getpid()}.tmp")
    with _writing(path):
        try:
            _write_through(temporary, content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


@contextmanager
def alone(stem: str) -> Iterator[None]:
    """Let one process at a time make the file of this name; the kernel lets go when a process ends, however."""
    path = made_cache_dir() / f".{stem}.lock"
    with _writing(path):
        file = path.open("a+b")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _writing(path: Path) -> Iterator[Path]:
    try:
        yield path
    except OSError as error:
        advice = "set GATEBENCH_CACHE to a folder that can be written"
        raise BenchError(f"cannot write {path}: {error.strerror or error}; {advice}") from error


def _write_through(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
