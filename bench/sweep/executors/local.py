"""Worker processes on this machine, one thread each; each loads torch and the data once.

If a worker dies, only the training since the last checkpoint of its Runs is lost; if its parent dies, the system
kills it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from bench.core import memory
from bench.core.process import Stop, keyboard_blocked
from bench.core.settings import Limits, Site
from bench.results.run import Run
from bench.sweep.executors.base import Ended, Event, Pack, PackQueue, PruneQuery, Retried
from bench.sweep.executors.process import serve

LOOK_SECONDS = 0.5
"""Interval at which silent workers are checked."""

PATIENCE_SECONDS = 3.5
"""Time that a worker has to write its checkpoint when it is told to stop."""

SHUTDOWN_TIMEOUT = 1.0
"""Time that idle workers have to end."""


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Local:
    """Runs packs in worker processes on this machine."""

    n_workers: int

    def carry_out(self, queue: PackQueue, site: Site, stop: Stop) -> Generator[Event, None, None]:
        pool = _WorkerPool(queue, site, self.n_workers)
        try:
            yield from _until_done(pool, stop)
            if stop:
                yield from _shut_down(pool)
        finally:
            pool.close()


def _until_done(pool: _WorkerPool, stop: Stop) -> Iterator[Event]:
    while not stop and (busy := pool.assign()):
        ready = wait([stop.fileno(), *(worker.pipe for worker in busy)], LOOK_SECONDS)
        for worker in busy:
            if worker.pipe in ready:
                yield from pool.receive(worker, stop)
            elif (excess := worker.exceeded_limit(pool.site.limits)) is not None:
                yield from pool.kill(worker, excess)
            if not worker.runs and not stop:
                pool.assign()


def _shut_down(pool: _WorkerPool) -> Iterator[Event]:
    """Ask the workers to stop at their next step; those that do not within the deadline are killed."""
    for worker in pool.busy():
        worker.process.terminate()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (busy := pool.busy()) and time.monotonic() < deadline:
        ready = wait([worker.pipe for worker in busy], LOOK_SECONDS)
        for worker in busy:
            for event in worker.events() if worker.pipe in ready else ():
                if isinstance(event, Ended):
                    yield Ended(event.run, "interrupted") if event.delivery == "lost" else event
    for worker in pool.busy():
        yield from (Ended(run, "interrupted") for run in worker.runs.values())


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    runs: dict[str, Run] = field(default_factory=dict)
    last_heard: float = field(default_factory=time.monotonic)

    def send(self, pack: Pack) -> None:
        self.runs, self.last_heard = {run.key: run for run in pack}, time.monotonic()
        with suppress(OSError):  # a dead worker is noticed when its answer is read
            self.pipe.send(pack)

    def reply(self, should_prune: bool) -> None:
        with suppress(OSError):  # as above
            self.pipe.send(should_prune)

    def events(self) -> list[Event | PruneQuery]:
        """Return the worker's next message; the Runs of a dead worker are `lost`."""
        self.last_heard = time.monotonic()
        try:
            event: Event | PruneQuery = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            left, self.runs = self.runs, {}
            return [Ended(run, "lost", _cause_of_death(self.process.exitcode)) for run in left.values()]
        if isinstance(event, Ended):
            del self.runs[event.run.key]
        return [event]

    def exceeded_limit(self, limits: Limits) -> str | None:
        """Return in words which limit the worker exceeds, None if it exceeds none."""
        silent = time.monotonic() - self.last_heard
        if silent > limits.silence:
            return f"no update in {silent:.0f} s (limits.silence: {limits.silence:g})"
        if limits.memory is None or self.process.pid is None:
            return None
        used = memory.resident_bytes(self.process.pid) / memory.GIB
        if used > limits.memory:
            return f"out of memory: its process took {used:.2f} GiB (limits.memory: {limits.memory:g})"
        return None


@dataclass
class _WorkerPool:
    """The workers, packs to retry, and the number of tries of each Run."""

    queue: PackQueue
    site: Site
    n_workers: int
    to_retry: list[Pack] = field(default_factory=list)
    workers: list[_Worker] = field(default_factory=list)
    n_tries: dict[str, int] = field(default_factory=dict)

    def busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.runs]

    def assign(self) -> list[_Worker]:
        """Send packs to idle workers, start as many workers as there is work for, and return the busy ones."""
        idle = [worker for worker in self.workers if not worker.runs]
        while (idle or len(self.workers) < self.n_workers) and (pack := self._next_pack()):
            worker = idle.pop() if idle else None
            if worker is not None and not worker.process.is_alive():
                self.workers.remove(worker)
                worker = None
            (worker or self._started_worker()).send(pack)
        return self.busy()

    def _next_pack(self) -> Pack | None:
        return self.to_retry.pop() if self.to_retry else self.queue.next_pack()

    def _started_worker(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs, self.site, os.getpid()), daemon=True)
        os.environ["PYTHONSAFEPATH"] = "1"  # no module of the working directory is taken for one of Python's
        with keyboard_blocked():
            process.start()
        theirs.close()
        self.workers.append(_Worker(process, ours))
        return self.workers[-1]

    def receive(self, worker: _Worker, stop: Stop) -> Iterator[Event]:
        """Yield a worker's next events; a Run whose worker died is retried, up to `limits.retries` times."""
        for event in worker.events():
            if isinstance(event, PruneQuery):
                worker.reply(self.queue.should_prune(event.run, event.nats))
                continue
            is_lost = isinstance(event, Ended) and event.delivery in ("lost", "interrupted")
            if not isinstance(event, Ended) or not is_lost:
                yield event
                continue
            worker.process.join(PATIENCE_SECONDS)
            if stop:  # the signal reached the worker as well
                yield Ended(event.run, "interrupted")
                continue
            tries = self.n_tries[event.run.key] = self.n_tries.get(event.run.key, 0) + 1
            if tries > self.site.limits.retries:
                yield Ended(event.run, "lost", event.reason)
                continue
            self.to_retry.append((event.run,))
            yield Retried(event.run, event.reason or "its worker was told to stop")

    def kill(self, worker: _Worker, reason: str) -> Iterator[Event]:
        """Kill a worker that exceeds a limit."""
        worker.process.kill()
        left, worker.runs = worker.runs, {}
        worker.process.join()
        yield from (Ended(run, "lost", reason) for run in left.values())

    def close(self) -> None:
        """End every worker: idle ones end by themselves when the pipe closes."""
        for worker in self.workers:
            worker.pipe.close()
            if worker.runs:
                worker.process.kill()
        deadline = time.monotonic() + SHUTDOWN_TIMEOUT
        for worker in self.workers:
            worker.process.join(max(deadline - time.monotonic(), 0))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _cause_of_death(exit_code: int | None) -> str:
    if exit_code == -signal.SIGKILL:
        return "its process was killed by SIGKILL: out of memory, or by hand"
    if exit_code is not None and exit_code < 0:
        return f"its process was killed by {signal.Signals(-exit_code).name}"
    return f"its process ended with exit code {exit_code}"
