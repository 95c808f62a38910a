"""Build the C++ library on first use, once for each version of the sources, compiler and CPU."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-std=c++17", "-shared", "-fPIC", "-w")
"""No -ffast-math: NaN and infinity must be seen."""

TIMEOUT_SECONDS = 300


class BuildError(Exception):
    """The library could not be built; the message says why in one line."""


def library_path() -> Path:
    """Return the built library, building it if this CPU has none yet. Raises BuildError."""
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise BuildError("no C++ compiler (g++) was found")
    folder = _cache_folder()
    target = folder / f"fused-{_key(compiler)}.so"
    if target.exists():
        return target
    with _locked(folder / "fused.lock"):
        if not target.exists():
            print("building the fused kernel for this CPU, once (about 15 seconds)", file=sys.stderr, flush=True)
            _compile(compiler, target)
    return target


def _compile(compiler: str, target: Path) -> None:
    """Compile beside the target and move it there whole."""
    descriptor, name = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(descriptor)
    command = [compiler, *FLAGS, str(SOURCES / "fused.cpp"), "-o", name]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line] or ["no message"]
            raise BuildError(f"{compiler} failed: {lines[0]}")
        Path(name).replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{compiler} failed: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _key(compiler: str) -> str:
    """Return a name for what the library's machine code depends on."""
    parts = [path.read_bytes() for path in sorted(SOURCES.glob("*.h")) + sorted(SOURCES.glob("*.cpp"))]
    parts += [" ".join(FLAGS).encode(), _version(compiler).encode(), _cpu().encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _version(compiler: str) -> str:
    try:
        return subprocess.run([compiler, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{compiler} does not run: {error}") from error


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _cache_folder() -> Path:
    """Return where built libraries are kept. Raises BuildError if it cannot be written."""
    chosen = os.environ.get("GATEBENCH_CACHE")
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = (Path(chosen) if chosen else Path(home) / "gatebench") / "kernels"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"cannot write {folder}: {error.strerror}") from error
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for other processes that build; the system frees the lock of one that dies."""
    try:
        with path.open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise BuildError(f"cannot lock {path}: {error.strerror}") from error
