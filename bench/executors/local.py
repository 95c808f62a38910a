"""Worker processes on this machine, one thread each, warm: torch and the data are loaded once by each.

A worker that dies takes nothing with it but the Run it was at; a worker whose parent dies stops at its next
sign of progress.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError
from bench.records import Run

if TYPE_CHECKING:
    from bench.train import Progress

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

PATIENCE_SECONDS = 3.0
"""How long a worker may take to notice that it is no longer wanted."""


@dataclass(frozen=True)
class Advanced:
    """A Run has come this far."""

    run: Run
    share: float


@dataclass(frozen=True)
class Ended:
    """A Run has ended: its record is in the store, unless `problem` says why it is not."""

    run: Run
    problem: str = ""
    is_dead: bool = False


Event = Advanced | Ended


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def carry_out_all(
    runs: Sequence[Run], directory: Path, data_dir: str | None, n_workers: int
) -> Generator[Event, None, None]:
    """Carry out Runs in worker processes, yielding what happens as it happens. A closed iterator ends the workers."""
    waiting = list(reversed(runs))
    workers = [_Worker.start(directory, data_dir) for _ in range(min(n_workers, len(runs)))]
    try:
        for worker in workers:
            worker.take(waiting.pop())
        while busy := [worker for worker in workers if worker.run is not None]:
            for ready in wait([worker.pipe for worker in busy]):
                worker = next(worker for worker in busy if worker.pipe is ready)
                event = worker.event()
                if isinstance(event, Ended):
                    if event.is_dead:
                        workers[workers.index(worker)] = worker = _Worker.start(directory, data_dir)
                    worker.take(waiting.pop() if waiting else None)
                yield event
    finally:
        for worker in workers:
            worker.stop()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    run: Run | None = None

    @staticmethod
    def start(directory: Path, data_dir: str | None) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, directory, data_dir), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def take(self, run: Run | None) -> None:
        self.run = run
        if run is not None:
            with suppress(BrokenPipeError):  # a dead worker is noticed when its answer is read
                self.pipe.send(run)

    def event(self) -> Event:
        """Return the worker's next message, or the end of its Run if it died."""
        run = self.run
        if run is None:
            raise RuntimeError("an idle worker has no events")
        try:
            share, problem = self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            return Ended(run, _death(self.process.exitcode), is_dead=True)
        return Advanced(run, share) if share is not None else Ended(run, problem)

    def stop(self) -> None:
        """Let the worker go: it ends by itself when it finds the pipe closed, and is made to if it does not."""
        self.pipe.close()
        self.process.join(PATIENCE_SECONDS)
        if self.process.is_alive():
            self.process.terminate()
            self.process.join()


def _death(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"the worker process was killed by {signal.Signals(-exit_code).name}"
    return f"the worker process ended with exit code {exit_code}"


def _serve(pipe: Connection, directory: Path, data_dir: str | None) -> None:
    """Carry out the Runs that come through the pipe until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    import torch

    from bench.experiment import Tasks, carry_out

    torch.set_num_threads(1)
    tasks = Tasks(data_dir)
    gc.freeze()  # what is loaded by now stays: collections need not look through it again and again
    with suppress(EOFError, BrokenPipeError):
        while True:
            pipe.send((None, _problem(carry_out, pipe.recv(), directory, tasks, pipe)))


def _problem(carry_out: Callable[..., object], run: Run, directory: Path, tasks: object, pipe: Connection) -> str:
    """Carry out one Run and return why there is no record of it, if there is none."""

    def watch(progress: Progress) -> None:
        try:
            pipe.send((progress.share, ""))
        except OSError as error:  # nobody listens any more: the Run is abandoned, not failed
            raise SystemExit(0) from error

    try:
        carry_out(run, directory, tasks, watch)
    except BenchError as error:
        return str(error)
    return ""
