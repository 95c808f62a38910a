"""The process in which Runs are trained: one thread, torch and data kept loaded, Ctrl-C left to its parent."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bench.core import process
from bench.core.settings import Site
from bench.results.run import Run
from bench.sweep.executors.base import Advanced, PruneQuery

if TYPE_CHECKING:
    from bench.sweep.worker import Worker

LOOK_SECONDS = 0.1
"""Interval at which a worker that waits for an answer checks whether it is told to stop."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def serve(pipe: Connection, site: Site, parent: int) -> None:
    """Train the packs that arrive through the pipe until it closes or the process is told to stop."""
    process.die_with_parent(parent)
    with working(site, pipe) as worker, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        from bench.sweep.worker import train_pack

        while not worker.is_stopped():
            for event in train_pack(pipe.recv(), worker):
                pipe.send(event)


@contextmanager
def working(site: Site, pipe: Connection) -> Iterator[Worker]:
    """Set this process up as a worker that reports through a pipe."""
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    import torch

    from bench.sweep.worker import Worker
    from bench.tasks.opened import Tasks
    from bench.training.callbacks import StoppedError

    def tell(run: Run, progress: float) -> None:
        try:
            pipe.send(Advanced(run, progress))
        except OSError as error:
            raise StoppedError("the parent process has ended") from error

    def should_prune(run: Run, nats: Sequence[float]) -> bool:
        try:
            pipe.send(PruneQuery(run, tuple(nats)))
            while not pipe.poll(LOOK_SECONDS):
                if stop:
                    return False
            return bool(pipe.recv())
        except (OSError, EOFError) as error:
            raise StoppedError("the parent process has ended") from error

    torch.set_num_threads(1)
    gc.freeze()  # what is loaded by now stays; later collections need not traverse it
    with process.listening(for_keyboard=False) as stop:
        yield Worker(site, Tasks(site.data_dir), tell, should_prune if site.is_pruning else None, lambda: bool(stop))
