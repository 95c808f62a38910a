"""The process that carries out Runs, whoever has started it: one thread, warm, and deaf to the keyboard."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from bench import signals
from bench.handover import Advanced, Ended, Judged, Pack
from bench.records import Run
from bench.settings import Site

if TYPE_CHECKING:
    from bench.experiment import Worker

LOOK_SECONDS = 0.1
"""How often a worker that waits for an answer looks whether it is told to stop."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def serve(pipe: Connection, site: Site, parent: int) -> None:
    """Carry out the packs that come through the pipe until it closes or the process is told to stop."""
    signals.die_with_parent(parent)
    with working(site, pipe) as worker, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        from bench.experiment import carry_out

        while not worker.is_stopped():
            for event in carry_out(pipe.recv(), worker):
                pipe.send(event)


def carry_out_packs(packs: Sequence[Pack], site: Site, place: str, n_workers: int) -> list[Ended]:
    """Carry out packs as the job of an engine, from the directory `place`; return how Runs ended, for what it is worth.

    A job is a sweep in small: limits, retries and signals are those of worker processes on one machine.
    """
    from bench.executors.local import Local
    from bench.executors.verdicts import Packs

    os.chdir(place)
    endings: list[Ended] = []
    local, supply = Local(n_workers), Packs(packs, site)
    with signals.listening(for_keyboard=True) as stop, closing(local.carry_out(supply, site, stop)) as events:
        for event in events:
            if isinstance(event, Ended) and not (stop and event.ending == "lost"):
                endings.append(event)
            if isinstance(event, Ended) and event.ending == "unsaved":
                break
    return endings


@contextmanager
def working(site: Site, pipe: Connection) -> Iterator[Worker]:
    """Make this process one that carries out Runs and tells of them through a pipe."""
    for name in THREAD_VARIABLES:
        os.environ[name] = "1"
    import torch

    from bench.experiment import Worker
    from bench.keeper import StoppedError
    from bench.request import Tasks

    def tell(run: Run, share: float) -> None:
        try:
            pipe.send(Advanced(run, share))
        except OSError as error:
            raise StoppedError("nobody listens any more") from error

    def is_hopeless(run: Run, nats: Sequence[float]) -> bool:
        try:
            pipe.send(Judged(run, tuple(nats)))
            while not pipe.poll(LOOK_SECONDS):
                if stop:
                    return False
            return bool(pipe.recv())
        except (OSError, EOFError) as error:
            raise StoppedError("nobody listens any more") from error

    torch.set_num_threads(1)
    gc.freeze()  # what is loaded by now stays: collections need not look through it again and again
    with signals.listening(for_keyboard=False) as stop:
        yield Worker(site, Tasks(site.data_dir), tell, is_hopeless if site.is_judged else None, lambda: bool(stop))
