"""Jobs of somebody else's engine: packs are handed over, and the records tell what has become of each Run.

Nothing depends on what comes back from a job; what does come back says why a Run has no record.
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
"""How often jobs and records are looked at."""

PATIENCE_SECONDS = 3.5
"""How long jobs may take to make their checkpoints when they are told to stop."""

STOPPED = "its job was told to stop before it was done"


@dataclass(frozen=True)
class Answer:
    """What a job that is over has said about its Runs, or why it died without a word."""

    endings: Sequence[Ended] = ()
    death: str = ""


class Job(Protocol):
    """Packs on their way through an engine."""

    def answer(self) -> Answer | None:
        """Return what became of the job, None while it waits or runs."""
        ...

    def stop(self) -> None:
        """Have the job make its checkpoints and end; may be said more than once."""
        ...

    def kill(self) -> None:
        """End the job at once."""
        ...


Submit = Callable[[Sequence[Pack]], Job]


@dataclass(frozen=True)
class Engine:
    """How packs become jobs: who takes them, how many jobs there are at a time, and how many packs a job has."""

    submit: Submit
    n_jobs: int
    n_packs: int


def anywhere(site: Site) -> Site:
    """Return a site that means the same in a process with another environment."""
    data_dir = site.data_dir or os.environ.get("BENCH_DATA")
    return replace(site, directory=site.directory.resolve(), data_dir=data_dir and str(Path(data_dir).resolve()))


def run_jobs(queue: PackQueue, site: Site, stop: Stop, engine: Engine) -> Generator[Event, None, None]:
    """Carry out packs as jobs; see `Executor`. Raises BenchError where no job gets as far as to begin a Run."""
    pool = _JobPool(queue, site, stop, engine)
    try:
        while not stop and pool.fill():
            yield from pool.look()
            wait([stop.fileno()], LOOK_SECONDS)
        if stop:
            yield from pool.shut_down()
    finally:
        for out in pool.outs:
            out.job.kill()


@dataclass
class _Out:
    """A job, and those of its Runs that have not ended."""

    job: Job
    packs: Sequence[Pack]
    left: dict[str, Watched]
    has_begun: bool = False

    def begun(self) -> list[Run]:
        return [watched.run for watched in self.left.values() if watched.has_begun]


@dataclass
class _JobPool:
    """What waits, the jobs that are out, and how often Runs, and jobs as such, have failed."""

    queue: PackQueue
    site: Site
    stop: Stop
    engine: Engine
    again: list[Pack] = field(default_factory=list)
    outs: list[_Out] = field(default_factory=list)
    n_tries: dict[str, int] = field(default_factory=dict)
    n_idle: int = 0

    def fill(self) -> bool:
        """Hand over as many packs as there is room for and return whether there are jobs to wait for."""
        while not self.stop and (room := self.engine.n_jobs - len(self.outs)) > 0:
            n_waiting = len(self.again) + self.queue.n_waiting
            packs = self._taken(min(self.engine.n_packs, -(-n_waiting // room)))
            if not packs:
                break
            left = {run.key: self._watched(run) for pack in packs for run in pack}
            self.outs.append(_Out(self.engine.submit(packs), packs, left))
        return bool(self.outs)

    def _taken(self, most: int) -> list[Pack]:
        packs: list[Pack] = []
        while len(packs) < most and (pack := self.again.pop() if self.again else self.queue.next_pack()):
            packs.append(pack)
        return packs

    def look(self) -> Iterator[Event]:
        """Tell what has happened since the last look, and which Runs are to be pruned."""
        for out in list(self.outs):
            if self.site.is_pruning:
                prune_files.judge([watched.run for watched in out.left.values()], self.site, self.queue)
            answer = out.job.answer()  # before the records: what a job wrote is there when it is over
            yield from self._news(out)
            if answer is not None:
                self.outs.remove(out)
                self._check_use(out, answer)
                yield from self._settled(out, answer)

    def shut_down(self) -> Iterator[Event]:
        """Have the jobs stop at their next step, and wait for them as long as there is time."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.outs and time.monotonic() < deadline:
            for out in self.outs:
                out.job.stop()
            time.sleep(LOOK_SECONDS / 5)
            for out in list(self.outs):
                answer = out.job.answer()
                if answer is not None:
                    self.outs.remove(out)
                    yield from self._stopped(out, answer)
        for out in self.outs:
            yield from self._stopped(out, Answer())

    def _watched(self, run: Run) -> Watched:
        folder = results.folder_of(self.site.directory, run)
        prune_files.remove(folder)
        return Watched(run, folder, stamps(folder), results.find(self.site.directory, run))

    def _news(self, out: _Out) -> Iterator[Event]:
        """Tell which Runs of a job have begun, and which have a record."""
        for key, watched in list(out.left.items()):
            had_begun = watched.has_begun
            watched.look()
            if watched.has_begun and not had_begun:
                out.has_begun = True
                yield Advanced(watched.run, 0.0)
            if watched.is_recorded(self.site.directory):
                del out.left[key]
                prune_files.remove(watched.folder)
                yield Ended(watched.run, "recorded")

    def _check_use(self, out: _Out, answer: Answer) -> None:
        """Give up on an engine whose jobs end without having begun anything, instead of blaming the Runs."""
        self.n_idle = 0 if out.has_begun or answer.endings else self.n_idle + 1
        if self.n_idle > self.site.limits.retries:
            raise BenchError(f"jobs end before they begin a run: {answer.death or STOPPED}")

    def _settled(self, out: _Out, answer: Answer) -> Iterator[Event]:
        """Tell how the Runs of a job ended that have no record; what is to be tried again waits at the head."""
        told = {ending.run.key: ending for ending in answer.endings if ending.delivery != "interrupted"}
        reason = answer.death or STOPPED
        again: list[Pack] = []
        for pack in out.packs:
            kept = []
            for watched in (out.left[run.key] for run in pack if run.key in out.left):
                if watched.run.key in told:
                    yield told[watched.run.key]
                elif not self._may_try_again(watched, died=bool(answer.death)):
                    yield Ended(watched.run, "lost", reason)
                else:
                    kept.append(watched.run)
                    if watched.has_begun:
                        yield Retried(watched.run, reason)
            again += [(run,) for run in kept] if answer.death else [tuple(kept)]
        self.again += [pack for pack in reversed(again) if pack]

    def _may_try_again(self, watched: Watched, *, died: bool) -> bool:
        """Return whether a Run is tried again: always, unless it died under way, or came no further, too often."""
        if not watched.has_begun or (watched.has_advanced and not died):
            return True
        tries = self.n_tries[watched.run.key] = self.n_tries.get(watched.run.key, 0) + 1
        return tries <= self.site.limits.retries

    def _stopped(self, out: _Out, answer: Answer) -> Iterator[Event]:
        yield from (event for event in self._news(out) if isinstance(event, Ended))
        told = {ending.run.key: ending for ending in answer.endings}
        for run in out.begun():
            yield told.get(run.key, Ended(run, "interrupted"))


Stamps = Mapping[str, tuple[int, int]]
"""Files by name, with what changes when they are written."""


@dataclass
class Watched:
    """A Run in a job, and what there was of it before."""

    run: Run
    folder: Path
    before: Stamps
    record: RunRecord | None
    has_begun: bool = False
    has_advanced: bool = False

    def look(self) -> None:
        """See how far the Run has come since it was handed over."""
        now = stamps(self.folder)
        self.has_begun = self.has_begun or now != self.before
        newest = checkpoint.GENERATIONS[0]
        self.has_advanced = self.has_advanced or (newest in now and now[newest] != self.before.get(newest))

    def is_recorded(self, directory: Path) -> bool:
        """Return whether there is a record that was not there before."""
        record = results.find(directory, self.run)
        return record is not None and record != self.record


def stamps(folder: Path) -> Stamps:
    """Look into a folder anew: on a shared file system what was seen before may be kept for a minute."""
    found = {}
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                found[entry.name] = (entry.inode(), entry.stat().st_mtime_ns)
    return found
