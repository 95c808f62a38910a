"""The program in a process of its own that is forked from one with all libraries imported: seconds less for a command.

It has its own working directory, environment, streams and exit status, as if Python had been started for it, and forks
its workers, which the program itself starts anew. How the program and its workers start, and what signals from outside
do to them, is tested with Python started as a user does.
"""

from __future__ import annotations

import multiprocessing
import os
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from bench.core.settings import Site
from bench.sweep.executors.process import serve

LIBRARIES = (
    *("torch", "pandas", "seaborn", "hydra.main", "optuna", "scipy.stats", "jinja2", "datasets", "tabulate"),
    *(
        "bench.cli.app",
        "bench.sweep.run",
        "bench.sweep.worker",
        "bench.tuning",
        "bench.cli.verify",
        "bench.report.formats.console",
    ),
)
"""What is imported once: names that are gone are passed over, and cost time and nothing else."""
SECONDS = 600


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the program on the words of a command line in a folder, as `subprocess.run` does."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(LIBRARIES))
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parent.parent), "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / name for name in ("out", "err")]
        process = context.Process(target=_run_command, args=(folder, words, environment, said))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, SECONDS)
        texts = [path.read_text(encoding="utf-8") for path in said]
    return subprocess.CompletedProcess(words, process.exitcode, *texts)


def _run_command(folder: Path, words: tuple[str, ...], environment: Mapping[str, str], said: list[Path]) -> None:
    from bench.__main__ import main
    from bench.sweep.executors import local

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for descriptor, path in enumerate(said, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), descriptor)
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    warnings.simplefilter("ignore")
    local.multiprocessing, local.serve = _Forking, _serve_alone
    main(list(words))


class _Forking:
    """Stands for the module `multiprocessing` where workers are started."""

    @staticmethod
    def get_context(_method: str) -> multiprocessing.context.BaseContext:
        return multiprocessing.get_context("fork")


def _serve_alone(pipe: Connection, site: Site, parent: int) -> None:
    """Serve without the other ends of pipes that a fork leaves open: a worker ends when its own is closed."""
    for name in os.listdir("/dev/fd"):
        with suppress(OSError):
            if int(name) != pipe.fileno() and stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                os.close(int(name))
    serve(pipe, site, parent)
