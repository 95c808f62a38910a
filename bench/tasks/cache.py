"""The cache folder: fetched and converted data, written atomically and verified at every read."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from bench.core import disk
from bench.core.disk import cache_dir
from bench.core.errors import BenchError


def made_cache_dir() -> Path:
    """Return the cache folder, made if needed. Raises BenchError if it cannot be."""
    with _writing(cache_dir()) as folder:
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def kept(stem: str, suffix: str) -> Path | None:
    """Return the kept file of this name, or None. A file that differs from the digest in its name is removed."""
    for name in sorted(glob.glob(f"{glob.escape(stem)}.{'?' * 64}{suffix}", root_dir=cache_dir())):
        path = cache_dir() / name
        with suppress(FileNotFoundError):  # another process may have removed it meanwhile
            if digest_of_file(path) == name.removesuffix(suffix)[-64:]:
                return path
            path.unlink()
    return None


def keep(stem: str, suffix: str, content: bytes) -> Path:
    """Keep a file, its digest in its name, and return its path. Raises BenchError if it cannot be written."""
    path = made_cache_dir() / f"{stem}.{hashlib.sha256(content).hexdigest()}{suffix}"
    with _writing(path):
        disk.write_whole(path, content)
    return path


@contextmanager
def alone(stem: str) -> Iterator[None]:
    """Let one process at a time make the file of this name; the lock is released however the process ends."""
    path = made_cache_dir() / f".{stem}.lock"
    with ExitStack() as stack:
        with _writing(path):
            stack.enter_context(disk.locked(path))
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
