"""The process that carries out Runs, whoever has started it: one thread, warm, and deaf to the keyboard."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bench import signals
from bench.handover import Advanced, Ended, Event, Pack
from bench.records import Run
from bench.settings import Site

if TYPE_CHECKING:
    from bench.experiment import Worker

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def serve(pipe: Connection, site: Site, parent: int) -> None:
    """Carry out the packs that come through the pipe until it closes or the process is told to stop."""
    signals.die_with_parent(parent)
    with working(site, pipe.send) as worker, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        from bench.experiment import carry_out

        while not worker.is_stopped():
            for event in carry_out(pipe.recv(), worker):
                pipe.send(event)


def carry_out_packs(packs: Sequence[Pack], site: Site, place: str, n_workers: int) -> list[Ended]:
    """Carry out packs as the job of an engine, from the directory `place`; return how Runs ended, for what it is worth.

    A job is a sweep in small: limits, retries and signals are those of worker processes on one machine.
    """
    from bench.executors.local import Local

    os.chdir(place)
    endings: list[Ended] = []
    with signals.listening(for_keyboard=True) as stop, closing(Local(n_workers).carry_out(packs, site, stop)) as events:
        for event in events:
            if isinstance(event, Ended) and not (stop and event.ending == "lost"):
                endings.append(event)
            if isinstance(event, Ended) and event.ending == "unsaved":
                break
    return endings


@contextmanager
def working(site: Site, send: Callable[[Event], None]) -> Iterator[Worker]:
    """Make this process one that carries out Runs."""
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    import torch

    from bench.experiment import Worker
    from bench.keeper import StoppedError
    from bench.request import Tasks

    def tell(run: Run, share: float) -> None:
        try:
            send(Advanced(run, share))
        except OSError as error:
            raise StoppedError("nobody listens any more") from error

    torch.set_num_threads(1)
    gc.freeze()  # what is loaded by now stays: collections need not look through it again and again
    with signals.listening(for_keyboard=False) as stop:
        yield Worker(site, Tasks(site.data_dir), tell, lambda: bool(stop))
