"""Supply: the trials of all studies as packs for an executor, asked for when a worker is free."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import ExitStack

from bench import packing
from bench.handover import Pack
from bench.packing import Load, load_of
from bench.records import Run
from bench.request import Tasks, shape_of
from bench.settings import Site
from bench.tuning.course import Course, Reflect


class Trials:
    """Gives the next trial to whoever asks, of the study that has had fewest, and takes in what becomes of it."""

    def __init__(self, courses: Sequence[Course], site: Site, tasks: Tasks, reflect: Reflect) -> None:
        self.courses, self._site, self._tasks, self._reflect = courses, site, tasks, reflect
        self._has_begun = False
        self._queue: deque[Pack] = deque()
        self._known: set[str] = set()
        self._loads: dict[str, Load] = {}
        self._held = ExitStack()

    def begin(self, waiting: Iterable[Run]) -> None:
        """See `Source`. Raises HeldError if another process tunes, StorageError, UsageError for no storage."""
        mirrors = [self._reflect(course.definition) for course in self.courses]
        for course, mirror in zip(self.courses, mirrors, strict=True):
            course.begin(self._held, mirror)
        self._has_begun = True
        self._enqueue(waiting)

    def close(self) -> None:
        """Write the studies down and let go of them."""
        with self._held:
            for course in self.courses if self._has_begun else ():
                course.write()

    @property
    def n_open(self) -> int:
        """How many Runs are still to be asked for."""
        return sum(course.n_open * course.definition.command.tune.seeds_per_trial for course in self.courses)

    @property
    def n_waiting(self) -> int:
        """See `Supply`."""
        return len(self._queue) + self.n_open

    def take(self) -> Pack | None:
        """See `Supply`."""
        while not self._queue and any(course.n_open for course in self.courses):
            self._ask()
        return self._queue.popleft() if self._queue else None

    def is_hopeless(self, run: Run, nats: Sequence[float]) -> bool:
        """See `Supply`; a Run of several studies is hopeless when it is so in each."""
        verdicts = [course.is_hopeless(run, nats) for course in self._owners(run)]
        return all(verdicts)

    def settle(self, run: Run) -> None:
        """Take in that a Run has ended, and leave out those that need not be trained any more."""
        dropped = {each.key for course in self._owners(run) for each in course.settle(run)}
        if dropped:
            packs = [tuple(each for each in pack if each.key not in dropped) for pack in self._queue]
            self._queue = deque(pack for pack in packs if pack)

    def note(self, run: Run) -> str:
        """See `Source`: its first trial."""
        (course, *_) = self._owners(run)
        return course.note(run)

    def _owners(self, run: Run) -> list[Course]:
        return [course for course in self.courses if run.key in course.runs]

    def _ask(self) -> None:
        """Ask one study for as many trials as train together."""
        course = min((each for each in self.courses if each.n_open), key=lambda each: len(each.record.trials))
        room = self._site.population or packing.POPULATION[course.definition.command.device]
        asked: list[Run] = []
        while len(asked) < room and course.n_open:
            asked += course.ask()
        self._enqueue(asked)

    def _enqueue(self, runs: Iterable[Run]) -> None:
        """Queue Runs that were not queued before: studies may share them."""
        fresh = {run.key: run for run in runs if run.key not in self._known}
        self._known |= fresh.keys()
        for key, run in fresh.items():
            task = self._tasks.task(run.task)
            self._loads[key] = load_of(run, shape_of(run, task), task)
        self._queue += packing.packs(fresh.values(), self._loads, self._site.population)
