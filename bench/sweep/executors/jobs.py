"""Jobs of a cluster engine: packs are submitted as jobs, and the records on disk say how each Run ended.

Nothing depends on what a job returns; its answer only says why a Run has no record.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import wait
from pathlib import Path
from typing import Protocol

from bench import results
from bench.core.errors import BenchError
from bench.core.process import Stop
from bench.core.settings import Site
from bench.results.run import Run, RunRecord
from bench.sweep.executors import prune_files
from bench.sweep.executors.base import Advanced, Ended, Event, Pack, PackQueue, Retried
from bench.training import checkpoint

LOOK_SECONDS = 0.5
"""Interval between two checks of jobs and records."""

PATIENCE_SECONDS = 3.5
"""Time that jobs have to write their checkpoints when they are told to stop."""

STOPPED = "its job was told to stop before it finished"


@dataclass(frozen=True)
class Answer:
    """How the Runs of a finished job ended, or why the job died without reporting."""

    endings: Sequence[Ended] = ()
    death: str = ""


class Job(Protocol):
    """Packs submitted to an engine."""

    def answer(self) -> Answer | None:
        """Return the job's answer, None while it waits or runs."""
        ...

    def stop(self) -> None:
        """Ask the job to write its checkpoints and end; may be called more than once."""
        ...

    def kill(self) -> None:
        """End the job at once."""
        ...


Submit = Callable[[Sequence[Pack]], Job]


@dataclass(frozen=True)
class Engine:
    """How packs are submitted: by which function, and at most how many jobs at a time and packs per job."""

    submit: Submit
    n_jobs: int
    n_packs: int


def anywhere(site: Site) -> Site:
    """Return the site with absolute paths, valid in a process with another environment or working directory."""
    data_dir = site.data_dir or os.environ.get("BENCH_DATA")
    return replace(site, directory=site.directory.resolve(), data_dir=data_dir and str(Path(data_dir).resolve()))


def run_jobs(queue: PackQueue, site: Site, stop: Stop, engine: Engine) -> Generator[Event, None, None]:
    """Run packs as jobs, as `Executor.carry_out` specifies. Raises BenchError if jobs end before they begin a Run."""
    pool = _JobPool(queue, site, stop, engine)
    try:
        while not stop and pool.fill():
            yield from pool.look()
            wait([stop.fileno()], LOOK_SECONDS)
        if stop:
            yield from pool.shut_down()
    finally:
        for entry in pool.submitted:
            entry.job.kill()


@dataclass
class _Submitted:
    """A submitted job and those of its Runs that have not ended."""

    job: Job
    packs: Sequence[Pack]
    left: dict[str, Watched]
    has_begun: bool = False

    def begun(self) -> list[Run]:
        return [watched.run for watched in self.left.values() if watched.has_begun]


@dataclass
class _JobPool:
    """Packs to retry, submitted jobs, the number of tries of each Run, and of jobs in a row that began nothing."""

    queue: PackQueue
    site: Site
    stop: Stop
    engine: Engine
    to_retry: list[Pack] = field(default_factory=list)
    submitted: list[_Submitted] = field(default_factory=list)
    n_tries: dict[str, int] = field(default_factory=dict)
    n_idle: int = 0

    def fill(self) -> bool:
        """Submit as many packs as there is room for and return whether any job is submitted."""
        while not self.stop and (room := self.engine.n_jobs - len(self.submitted)) > 0:
            n_waiting = len(self.to_retry) + self.queue.n_waiting
            packs = self._next_packs(min(self.engine.n_packs, -(-n_waiting // room)))
            if not packs:
                break
            left = {run.key: self._watch(run) for pack in packs for run in pack}
            self.submitted.append(_Submitted(self.engine.submit(packs), packs, left))
        return bool(self.submitted)

    def _next_packs(self, most: int) -> list[Pack]:
        packs: list[Pack] = []
        while len(packs) < most and (pack := self.to_retry.pop() if self.to_retry else self.queue.next_pack()):
            packs.append(pack)
        return packs

    def look(self) -> Iterator[Event]:
        """Yield the events since the last check, after deciding which Runs are to be pruned."""
        for entry in list(self.submitted):
            if self.site.is_pruning:
                prune_files.judge([watched.run for watched in entry.left.values()], self.site, self.queue)
            answer = entry.job.answer()  # read before the records, so that the records of a finished job are complete
            yield from self._progress_events(entry)
            if answer is not None:
                self.submitted.remove(entry)
                self._check_use(entry, answer)
                yield from self._final_events(entry, answer)

    def shut_down(self) -> Iterator[Event]:
        """Ask the jobs to stop at their next step, and wait for them until the deadline."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.submitted and time.monotonic() < deadline:
            for entry in self.submitted:
                entry.job.stop()
            time.sleep(LOOK_SECONDS / 5)
            for entry in list(self.submitted):
                answer = entry.job.answer()
                if answer is not None:
                    self.submitted.remove(entry)
                    yield from self._stop_events(entry, answer)
        for entry in self.submitted:
            yield from self._stop_events(entry, Answer())

    def _watch(self, run: Run) -> Watched:
        folder = results.folder_of(self.site.directory, run)
        prune_files.remove(folder)
        return Watched(run, folder, stamps(folder), results.find(self.site.directory, run))

    def _progress_events(self, entry: _Submitted) -> Iterator[Event]:
        """Yield an event for each Run of a job that has begun or has a record now."""
        for key, watched in list(entry.left.items()):
            had_begun = watched.has_begun
            watched.look()
            if watched.has_begun and not had_begun:
                entry.has_begun = True
                yield Advanced(watched.run, 0.0)
            if watched.is_recorded(self.site.directory):
                del entry.left[key]
                prune_files.remove(watched.folder)
                yield Ended(watched.run, "recorded")

    def _check_use(self, entry: _Submitted, answer: Answer) -> None:
        """Raise BenchError if several jobs in a row began no Run: then the engine is at fault, not the Runs."""
        self.n_idle = 0 if entry.has_begun or answer.endings else self.n_idle + 1
        if self.n_idle > self.site.limits.retries:
            raise BenchError(f"jobs end before they begin a run: {answer.death or STOPPED}")

    def _final_events(self, entry: _Submitted, answer: Answer) -> Iterator[Event]:
        """Yield how the Runs of a finished job without a record ended; those to retry are put first in the queue."""
        reported = {ended.run.key: ended for ended in answer.endings if ended.delivery != "interrupted"}
        reason = answer.death or STOPPED
        again: list[Pack] = []
        for pack in entry.packs:
            remaining = []
            for watched in (entry.left[run.key] for run in pack if run.key in entry.left):
                if watched.run.key in reported:
                    yield reported[watched.run.key]
                elif not self._may_try_again(watched, died=bool(answer.death)):
                    yield Ended(watched.run, "lost", reason)
                else:
                    remaining.append(watched.run)
                    if watched.has_begun:
                        yield Retried(watched.run, reason)
            again += [(run,) for run in remaining] if answer.death else [tuple(remaining)]
        self.to_retry += [pack for pack in reversed(again) if pack]

    def _may_try_again(self, watched: Watched, *, died: bool) -> bool:
        """Return whether to retry a Run: always, unless it died or made no progress too often."""
        if not watched.has_begun or (watched.has_advanced and not died):
            return True
        tries = self.n_tries[watched.run.key] = self.n_tries.get(watched.run.key, 0) + 1
        return tries <= self.site.limits.retries

    def _stop_events(self, entry: _Submitted, answer: Answer) -> Iterator[Event]:
        yield from (event for event in self._progress_events(entry) if isinstance(event, Ended))
        reported = {ended.run.key: ended for ended in answer.endings}
        for run in entry.begun():
            yield reported.get(run.key, Ended(run, "interrupted"))


Stamps = Mapping[str, tuple[int, int]]
"""Inode and modification time of files by name."""


@dataclass
class Watched:
    """A Run in a job, and the state of its folder before."""

    run: Run
    folder: Path
    before: Stamps
    record: RunRecord | None
    has_begun: bool = False
    has_advanced: bool = False

    def look(self) -> None:
        """Update whether the Run has begun and has written a checkpoint since it was submitted."""
        now = stamps(self.folder)
        self.has_begun = self.has_begun or now != self.before
        newest = checkpoint.GENERATIONS[0]
        self.has_advanced = self.has_advanced or (newest in now and now[newest] != self.before.get(newest))

    def is_recorded(self, directory: Path) -> bool:
        """Return whether there is a new record."""
        record = results.find(directory, self.run)
        return record is not None and record != self.record


def stamps(folder: Path) -> Stamps:
    """Return the stamps of a folder's files, listed afresh: a shared file system may cache it for a minute."""
    found = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found[entry.name] = (entry.inode(), entry.stat().st_mtime_ns)
    return found
