"""Starting the product: cold, as a user's shell does, or warm, as a fork of this process with everything imported.

A warm start runs the same `main` with the same words in a process group of its own, and its workers come through
multiprocessing's own protocol for `spawn`, with a fork in place of the new interpreter. It saves the seconds of
importing, so that faults can be counted in hundreds; references are always made by a cold start.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing.process
import multiprocessing.spawn
import multiprocessing.util
import os
import re
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import bench
from tests.programs.faults.processes import orphans, workers_of

ROOT = Path(bench.__file__).resolve().parent.parent
LONGEST_SECONDS = 120.0


@dataclass
class Command:
    """A command under way, or its end: `status` as a shell would show it, and everything it said on stderr."""

    pid: int
    folder: Path
    said: Path
    started: float = field(default_factory=time.monotonic)
    status: int | None = None

    def poll(self) -> bool:
        """Return whether the command has ended."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def wait(self, seconds: float = LONGEST_SECONDS) -> int:
        """Return the exit status; a command that does not end in time is killed, and that is its status."""
        until = time.monotonic() + seconds
        while not self.poll():
            if time.monotonic() > until:
                self.kill_group()
            time.sleep(0.005)
        return self.status if self.status is not None else -1

    def kill_group(self) -> None:
        """End the whole process group at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def send(self, number: int) -> None:
        """Send a signal to the process that the user started, and to no other."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    @property
    def workers(self) -> list[int]:
        """The processes that work for the command."""
        return workers_of(self.pid)

    @property
    def text(self) -> str:
        """What the command and its workers have said on stderr so far."""
        return self.said.read_text(encoding="utf-8", errors="replace")


def start(
    folder: Path,
    words: Sequence[str],
    *,
    is_cold: bool,
    variables: Mapping[str, str] | None = None,
    said: Path | None = None,
) -> Command:
    """Start `python -m bench WORDS` in a working directory; what it says on stderr goes to the file `said`."""
    said = said or folder / "stderr.txt"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", **(variables or {})}
    if is_cold:
        with said.open("wb") as err:
            process = subprocess.Popen(
                [sys.executable, "-m", "bench", *words],
                cwd=folder, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err,
            )  # fmt: skip
        process.returncode = 0  # it is waited for here, not there
        return Command(process.pid, folder, said)
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        _become(folder, words, environment, said)
    return Command(pid, folder, said)


def finished(folder: Path, words: Sequence[str], *, is_cold: bool = False, **changes: str) -> Command:
    """Start a command, wait for its end and return it."""
    command = start(folder, words, is_cold=is_cold, variables=changes)
    command.wait()
    return command


def go_on(folder: Path, words: Sequence[str], *, is_cold: bool, tries: int = 3) -> list[Command]:
    """Give the same command again until it ends well, a few times at most, and return the ends."""
    ends: list[Command] = []
    while len(ends) < tries and not (ends and ends[-1].status == 0):
        ends.append(finished(folder, words, is_cold=is_cold))
    return ends


def left_behind(seconds: float = 5.0) -> list[str]:
    """Return the processes that outlived their command by so many seconds."""
    return orphans(seconds)


def warm_up() -> None:
    """Import what a command imports, before anything is forked, and leave that to be shared by all forks."""
    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    import hydra._internal.hydra  # noqa: F401
    import torch

    import bench.report.formats.write
    import bench.sweep.run
    import bench.sweep.worker
    import bench.tasks.language_model
    import bench.tuning.dashboard
    import bench.tuning.stages  # noqa: F401

    torch.set_num_threads(1)
    gc.freeze()


def _become(folder: Path, words: Sequence[str], environment: Mapping[str, str], said: Path) -> NoReturn:
    """Turn this fork into the command and end with its exit status."""
    status = 1
    try:
        os.setsid()
        os.chdir(folder)
        os.environ.update(environment)
        _redirect(said)
        import bench.__main__ as program

        sys.modules["__main__"] = program
        multiprocessing.util.spawnv_passfds = _forked
        program.main(list(words))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(status)


def _redirect(said: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    err = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for target, source in enumerate((nothing, nothing, err)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(err)


_spawned = multiprocessing.util.spawnv_passfds


def _forked(path: bytes, arguments: Sequence[str], kept: Sequence[int]) -> int:
    """Do what starting an interpreter for a worker does, without one: the same file descriptors, signals and words."""
    words = [os.fsdecode(word) for word in arguments]
    if "--multiprocessing-fork" not in words:
        return _spawned(path, arguments, kept)
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        _as_after_exec({0, 1, 2, *kept})
        sys.argv = ["-c", "--multiprocessing-fork"]
        pairs = re.findall(r"(\w+)=(\d+)", words[words.index("--multiprocessing-fork") - 1])
        multiprocessing.spawn.spawn_main(**{name: int(value) for name, value in pairs})
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _end(status)


def _as_after_exec(kept: set[int]) -> None:
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)
    multiprocessing.process._children.clear()  # type: ignore[attr-defined]
    multiprocessing.util._finalizer_registry.clear()  # type: ignore[attr-defined]


def _end(status: int) -> NoReturn:
    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status & 0xFF)
