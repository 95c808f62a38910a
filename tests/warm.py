"""The program in a process of its own that is forked from one with all libraries imported: seconds less for a command.

It has its own working directory, environment, streams and exit status, as if Python had been started for it, and forks
its workers, which the program itself starts anew. How the program and its workers start, and what signals from outside
do to a worker that Python has just started, is tested with Python started as a user does.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from bench.core.process import TERMINATION
from bench.core.settings import Site

LIBRARIES = (
    *("torch", "pandas", "seaborn", "hydra.main", "optuna", "scipy.stats", "jinja2", "datasets", "tabulate"),
    *(
        "bench.cli.app",
        "bench.sweep.run",
        "bench.sweep.worker",
        "bench.tuning",
        "bench.cli.verify",
        "bench.report.formats.console",
        "tests.frozen",
    ),
)
"""What is imported once: names that are gone are passed over, and cost time and nothing else."""
SECONDS = 600
ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Command:
    """A command under way: its process, which is told and asked what a `subprocess.Popen` is."""

    words: tuple[str, ...]
    process: BaseProcess

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    @property
    def returncode(self) -> int | None:
        return self.process.exitcode

    def poll(self) -> int | None:
        return self.process.exitcode

    def wait(self, seconds: float = SECONDS) -> int:
        self.process.join(seconds)
        if self.process.exitcode is None:
            raise subprocess.TimeoutExpired(self.words, seconds)
        return self.process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def start(
    folder: Path, *words: str, err: Path | None = None, out: Path | None = None, root: Path = ROOT, **changes: str
) -> Command:
    """Start the program on the words of a command line in a folder; what it says goes into files, or nowhere.

    `root` is where the program lies, if it is a copy with changes, and `changes` are those of the environment.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "ignore", **changes}
    said = [Path(path or os.devnull) for path in (out, err)]
    process = context.Process(target=_run_command, args=(folder, words, environment, said, root))
    process.start()
    command = Command(words, process)
    atexit.register(command.kill)  # before multiprocessing waits at exit for what a failed test has left under way
    return command


def run(folder: Path, *words: str, root: Path = ROOT, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the program on the words of a command line in a folder, as `subprocess.run` does."""
    with tempfile.TemporaryDirectory() as place:
        out, err = (Path(place) / name for name in ("out", "err"))
        command = start(folder, *words, out=out, err=err, root=root, **changes)
        try:
            status = command.wait()
        finally:
            command.kill()
        return subprocess.CompletedProcess(words, status, out.read_text("utf-8"), err.read_text("utf-8"))


def _run_command(
    folder: Path, words: tuple[str, ...], environment: Mapping[str, str], said: list[Path], root: Path
) -> None:
    if root != ROOT:
        _forget_the_program()
        sys.path.insert(0, str(root))
    from bench.__main__ import main
    from bench.sweep.executors import local

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    warnings.simplefilter("ignore")
    local.multiprocessing, local.serve, local.keyboard_blocked = _Forking, _serve_alone, _signals_blocked
    main(list(words))


def _forget_the_program() -> None:
    """Have the program imported anew, from elsewhere, with the libraries that it uses left as they are."""
    for name in [*sys.modules]:
        if name.partition(".")[0] in ("bench", "hydra_plugins"):
            del sys.modules[name]


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Have signals wait for a forked worker until it has handlers of its own."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, *TERMINATION})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Forking:
    """Stands for the module `multiprocessing` where workers are started."""

    @staticmethod
    def get_context(_method: str) -> multiprocessing.context.BaseContext:
        return multiprocessing.get_context("fork")


def _serve_alone(pipe: Connection, site: Site, parent: int) -> None:
    """Serve as a process that Python has started: a fork keeps handlers of signals, and other ends of pipes.

    A worker ends when the other end of its own pipe is closed.
    """
    for number in (*TERMINATION, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TERMINATION)
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            if int(name) != pipe.fileno() and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.close(int(name))
    from bench.sweep.executors.process import serve

    serve(pipe, site, parent)
