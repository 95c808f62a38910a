"""Build the C++ library of a cell on first use, once for each version of the sources, compiler and CPU.

A build gets the name under which it is found only after it has been checked against the reference kernel.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from bench.cells import Cell
from bench.core import disk
from bench.core.processor import described
from bench.kernels.fused.source import source_of

HERE = Path(__file__).resolve()
SOURCES = HERE.parent
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-std=c++17", "-fPIC", "-fvisibility=hidden", "-w")
"""No -ffast-math: NaN and infinity must be seen."""

REALS = {torch.float32: "float", torch.float64: "double"}
"""The numbers that there are libraries for, each with its name in C++; double is for tests."""

TIMEOUT_SECONDS = 300
MOST_OF_PROGRAM = 1 << 20
"""Bytes of a compiler's file that tell it from another: all of a script."""

CHECK = """
import sys
sys.path.insert(0, sys.argv[1])
from bench.kernels.fused.check import main
sys.exit(main(*sys.argv[2:]))
"""
DISAGREES = 3
"""Exit status of a check that found the library wrong."""

CRASHES = (signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGABRT)


class BuildError(Exception):
    """The library could not be built; the message says why in one line."""


def found_compiler() -> str | None:
    """Return the C++ compiler: the program that `CXX` names, or one that is found."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")


def library_path(cell: Cell, dtype: torch.dtype) -> Path:
    """Return the library of a cell for numbers of a type, building it if this CPU has none yet.

    What is printed from the equations lies beside it. Raises BuildError.
    """
    program, folder, stem = _place(cell, dtype)
    with _locked(folder / f"{stem}.lock"):
        built = _whole(folder, stem, ".so")
        if built is None:
            _check_refused(folder, stem)
            said = f"building the fused kernel of cell `{cell.name}` for this CPU, once (some 10 seconds)"
            print(said, file=sys.stderr, flush=True)
            disk.write_whole(folder / f"{stem}.h", source_of(cell).encode())
            built = _library(program, folder, stem, cell, dtype)
    return built


def source_path(cell: Cell, dtype: torch.dtype) -> Path:
    """Return where what is printed from a cell's equations lies once its library is built. Raises BuildError."""
    _, folder, stem = _place(cell, dtype)
    return folder / f"{stem}.h"


def _place(cell: Cell, dtype: torch.dtype) -> tuple[str, Path, str]:
    """Return the compiler, the folder of built libraries, and how the names of a cell's files begin."""
    program = found_compiler()
    if program is None:
        raise BuildError("no C++ compiler (g++) was found")
    return program, _cache_folder(), f"{cell.kind}-{_key(program, source_of(cell), REALS[dtype])}"


def _whole(folder: Path, stem: str, suffix: str) -> Path | None:
    """Return what was built if its content has the digest in its name; remove what has not."""
    for path in sorted(folder.glob(f"{stem}-*{suffix}")):
        if digest_in(path) == _digest(path):
            return path
        print(f"{path} is damaged and will be rebuilt", file=sys.stderr, flush=True)
        path.unlink()
    return None


def _refusal(folder: Path, stem: str) -> Path:
    """Return the file that says why what was built under a name is wrong."""
    return folder / f"{stem}.refused"


def _check_refused(folder: Path, stem: str) -> None:
    refusal = _refusal(folder, stem)
    if refusal.exists() and (problem := refusal.read_text(encoding="utf-8")):
        raise BuildError(problem)


def digest_in(path: Path) -> str:
    """Return the digest that a library carries in its name."""
    return path.stem.rpartition("-")[2]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _library(compiler: str, folder: Path, stem: str, cell: Cell, dtype: torch.dtype) -> Path:
    """Build a cell's library, and check it under another name before it gets its own.

    That it is wrong is written down: no process builds it again.
    """
    common = _common(compiler, folder, REALS[dtype])
    words = ("-shared", f'-DCELL="{folder / stem}.h"', f"-DREAL={REALS[dtype]}", str(SOURCES / "cell.cpp"), str(common))
    with _compiled(compiler, words, folder, ".so") as built:
        if found := _disagreement(built, cell, dtype):
            problem = f"what {compiler} {' '.join(FLAGS)} built does not compute what it must: {found}"
            disk.write_whole(_refusal(folder, stem), problem.encode())
            raise BuildError(problem)
        return _named(built, folder, stem)


def _common(compiler: str, folder: Path, real: str) -> Path:
    """Return the object file of what is the same for all cells, built once."""
    stem = f"common-{_key(compiler, '', real)}"
    with _locked(folder / f"{stem}.lock"):
        found = _whole(folder, stem, ".o")
        if found is not None:
            return found
        with _compiled(compiler, ("-c", f"-DREAL={real}", str(SOURCES / "common.cpp")), folder, ".o") as built:
            return _named(built, folder, stem)


@contextmanager
def _compiled(compiler: str, words: Sequence[str], folder: Path, suffix: str) -> Iterator[Path]:
    """Compile to a temporary file, which is gone afterwards unless it was given a name. Raises BuildError."""
    descriptor, name = tempfile.mkstemp(suffix=suffix, dir=folder)
    os.close(descriptor)
    command = [compiler, *FLAGS, *words, "-o", name]
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if "error" in line] or ["no message"]
            raise BuildError(f"{compiler} failed: {lines[0]}")
        yield Path(name)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{compiler} failed: {error}") from error
    finally:
        Path(name).unlink(missing_ok=True)


def _named(built: Path, folder: Path, stem: str) -> Path:
    """Move what was built to its own name, which carries its digest."""
    return built.replace(folder / f"{stem}-{_digest(built)}{built.suffix}")


def _disagreement(built: Path, cell: Cell, dtype: torch.dtype) -> str:
    """Return in what a library disagrees with the reference, in a process of its own, which it may bring down."""
    root = HERE.parents[3]
    command = [sys.executable, "-P", "-c", CHECK, str(root), str(built), json.dumps(cell.node), REALS[dtype]]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    if done.returncode == DISAGREES:
        return done.stdout.strip()
    if -done.returncode in CRASHES:
        return f"it ends with {signal.Signals(-done.returncode).name}"
    if done.returncode:
        last = (done.stderr.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise BuildError(f"the check of the built library failed: {last}")
    return ""


def _key(compiler: str, source: str, real: str) -> str:
    """Return a name for what machine code depends on, and whether it is taken for right."""
    patterns = ("*.h", "*.cpp", "check*.py")
    parts = [path.read_bytes() for pattern in patterns for path in sorted(SOURCES.glob(pattern))]
    parts += [
        source.encode(),
        real.encode(),
        " ".join(FLAGS).encode(),
        _version(compiler).encode(),
        _program(compiler),
        _cpu().encode(),
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def _program(compiler: str) -> bytes:
    """Return how the file that is run begins: one may wrap another compiler, and answer as that one."""
    found = shutil.which(compiler)
    if found is None:
        return b""
    with Path(found).open("rb") as file:
        return file.read(MOST_OF_PROGRAM)


def _version(compiler: str) -> str:
    try:
        return subprocess.run([compiler, "--version"], check=False, capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{compiler} does not run: {error}") from error


def _cpu() -> str:
    return "\n".join(sorted(text for field in ("model name", "flags") for text in described(field)))


def _cache_folder() -> Path:
    """Return where built libraries are kept: the user's cache, or where that cannot be written a temporary folder.

    Raises BuildError if neither can be written by this user, and by this user alone.
    """
    folders, problems = [Path(tempfile.gettempdir()) / f"gatebench-{os.getuid()}"], []
    with suppress(ImportError):  # where there are only torch and numpy
        folders.insert(0, disk.cache_dir() / "kernels")
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.TemporaryFile(dir=folder):
                pass
        except OSError as error:
            problems.append(f"cannot write {folder}: {error.strerror}")
            continue
        about = folder.stat()
        if about.st_uid == os.getuid() and not about.st_mode & 0o022:
            return folder
        problems.append(f"{folder} can be written by others")
    raise BuildError("; ".join(problems))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait for other processes that build; the system frees the lock of one that dies."""
    try:
        with disk.locked(path):
            yield
    except OSError as error:
        raise BuildError(f"cannot use {error.filename or path}: {error.strerror or error}") from error
