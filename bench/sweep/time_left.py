"""How long Runs take and how long a sweep still takes, by the Runs that have ended and by its pace since the first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from bench.results.run import Run
from bench.sweep.schedule import ASSUMED_RATE, Load

Kind = tuple[object, ...]
"""Task, cell, shape and phase; the task alone; or nothing: Runs of one kind take about as long for one operation."""


@dataclass
class Lot:
    """Some Runs together: their number, what they take in operations (0 where unknown), and in seconds."""

    n: int = 0
    operations: float = 0.0
    seconds: float = 0.0

    def add(self, n: int, operations: float, seconds: float = 0.0) -> None:
        self.n, self.operations, self.seconds = self.n + n, self.operations + operations, self.seconds + seconds


def kind_of(run: Run) -> Kind:
    """Return the narrowest kind of a Run."""
    return run.task_name, run.cell_name, run.hidden_size, run.num_layers, run.phase


@dataclass
class Durations:
    """Seconds of Runs that have ended, by kind."""

    ended: dict[Kind, Lot] = field(default_factory=lambda: defaultdict(Lot))

    def learn(self, run: Run, operations: float, seconds: float) -> None:
        """Add a Run that has ended."""
        kind = kind_of(run)
        for each in (kind, kind[:1], ()):
            self.ended[each].add(1, operations, seconds)

    def seconds(self, kind: Kind, n: int, operations: float) -> float:
        """Return what n Runs take: as those of their kind did for each operation, or else of their task, or all."""
        for each in (kind, kind[:1], ()):
            lot = self.ended.get(each, Lot())
            if lot.seconds and operations and lot.operations:
                return operations * lot.seconds / lot.operations
            if lot.seconds:
                return n * lot.seconds / lot.n
        return operations / ASSUMED_RATE if operations else float(n)


@dataclass
class _Running:
    """A Run in training: how far it is, and how far it was when this sweep went on with it."""

    run: Run
    progress: float
    before: float


class TimeLeft:
    """Time left of a sweep: the work that is left by what such Runs take, over the work done since training began.

    What comes before the first Run trains, reading data and building kernels, is not in the pace; nor is what an
    earlier command did of the Runs that have `begun`, which go on from their checkpoints.
    """

    def __init__(
        self,
        waiting: Iterable[Run],
        loads: Mapping[str, Load],
        *,
        n_open: int = 0,
        durations: Durations | None = None,
        begun: Collection[str] = (),
    ) -> None:
        self._loads, self._begun, self._n_open = loads, begun, n_open
        self._durations = durations or Durations()
        self._waiting: dict[Kind, Lot] = defaultdict(Lot)
        self._known: set[str] = set()
        self._running: dict[str, _Running] = {}
        self._since: float | None = None
        self._done = 0.0
        for run in waiting:
            self._known.add(run.key)
            self._waiting[kind_of(run)].add(1, self._operations(run))

    @property
    def n_running(self) -> int:
        return len(self._running)

    @property
    def is_measured(self) -> bool:
        """Whether it is known how long such Runs take, from some that have ended."""
        return bool(self._durations.ended)

    @property
    def is_known(self) -> bool:
        """Whether anything is known, from Runs that have ended or from the operations of those that are known."""
        return self.is_measured or any(load.operations for load in self._loads.values())

    @property
    def work(self) -> float:
        """Seconds of one worker that are left."""
        kinds = [self._durations.seconds(kind, lot.n, lot.operations) for kind, lot in self._waiting.items() if lot.n]
        running = [self._whole(each.run) * (1 - each.progress) for each in self._running.values()]
        return sum(kinds) + sum(running) + self._n_open * self._mean

    @property
    def _mean(self) -> float:
        """Seconds of a Run that is not known yet."""
        operations = [load.operations for load in self._loads.values()]
        return self._durations.seconds((), 1, sum(operations) / len(operations) if operations else 0.0)

    def advance(self, run: Run, progress: float, now: float) -> None:
        """Take in how far a Run is."""
        if run.key not in self._running:
            is_first = self._since is None
            self._begin(run, progress if is_first or run.key in self._begun else 0.0)
        if self._since is None:
            self._since = now
        self._running[run.key].progress = progress

    def end(self, run: Run, seconds: float | None, now: float) -> None:
        """Take in that a Run has ended, after so many seconds of training; None where they are not known."""
        if run.key not in self._running:
            self._begin(run, 0.0)
        ended = self._running.pop(run.key)
        if seconds:
            self._durations.learn(run, self._operations(run), seconds)
        if self._since is None:
            self._since = now - (seconds or 0.0)
        self._done += (seconds or self._whole(run)) * (1 - ended.before)

    def seconds(self, now: float) -> float | None:
        """Return the time left at the pace so far, None before there is one."""
        done = self._done + sum(
            self._whole(each.run) * max(each.progress - each.before, 0.0) for each in self._running.values()
        )
        if self._since is None or now <= self._since or done <= 0:
            return None
        return self.work * (now - self._since) / done

    def per_second(self, n: int, now: float) -> float | None:
        """Return how many of n Runs ended in each second since training began, None before there is a pace."""
        return n / (now - self._since) if self._since is not None and now > self._since else None

    def _begin(self, run: Run, before: float) -> None:
        if run.key in self._known:
            self._waiting[kind_of(run)].add(-1, -self._operations(run))
        else:
            self._n_open = max(self._n_open - 1, 0)
        self._running[run.key] = _Running(run, before, before)

    def _whole(self, run: Run) -> float:
        return self._durations.seconds(kind_of(run), 1, self._operations(run))

    def _operations(self, run: Run) -> float:
        return self._loads[run.key].operations if run.key in self._loads else 0.0
