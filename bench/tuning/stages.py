"""Stages: each cell searches the same space with the same number of trials, and its best trial is confirmed.

Trials never see the test split. Every cell gets the same random draws, and confirmation the same fresh seeds, so that
what is compared is the cells and not their luck.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cache

from bench.core.console import say
from bench.core.errors import UsageError
from bench.core.settings import Command, NoPruner, Site
from bench.results.run import Run
from bench.results.study import TrialRecord, at_edge, shown
from bench.sweep import schedule
from bench.sweep.executors import executor_of
from bench.sweep.executors.base import Pack
from bench.sweep.plan import Sweep, site_of, sweep_of
from bench.sweep.resolve import SizedTasks, shape_of
from bench.sweep.schedule import Load, load_of
from bench.tuning.dashboard import Mirror, storage_at
from bench.tuning.definition import Definition, definitions
from bench.tuning.export import Compose, Winner, export
from bench.tuning.study import Course, Reflect


def stages(commands: Sequence[Command], tasks: SizedTasks, compose: Compose) -> Iterator[Sweep]:
    """Yield the sweep over all trials, and, when that has been carried out, the one over the confirmations.

    In between the best trials are exported, each file held against what `compose` makes of it.
    Raises UsageError for a space that cannot be searched.
    """
    command = commands[0]
    site = replace(site_of(command), is_judged=not isinstance(command.tune.pruner, NoPruner))
    executor, stops = executor_of(command), command.on_failure == "stop"
    courses = [Course(definition, site, tasks) for definition in definitions(commands)]
    _check_feasible(courses)
    trials = Trials(courses, site, tasks, _reflect(command.tune.storage, site))
    try:
        yield sweep_of(_runs(courses), site, executor, tasks, stops_at_failure=stops, source=trials)
        winners = [(course, best) for course in courses if (best := _told(course)) is not None]
        export([_winner(course, best) for course, best in winners], site.directory, compose, tasks)
    finally:
        trials.close()
    confirmed = [run for course, best in winners for run in course.definition.confirmation(best.params, tasks)]
    problems = [f"study {course.definition.label}: no trial has a score" for course in courses if course.best is None]
    if confirmed or problems:
        second = sweep_of(confirmed, site, executor, tasks, stops_at_failure=stops, before=_runs(courses))
        yield replace(second, problems=tuple(problems))


def _runs(courses: Sequence[Course]) -> list[Run]:
    return [run for course in courses for run in course.wanted]


def _winner(course: Course, best: TrialRecord) -> Winner:
    return Winner(course.record, best, course.runs[best.runs[0]])


def _check_feasible(courses: Sequence[Course]) -> None:
    """Refuse a study none of whose trials can be trained, if that is known before the first."""
    for course in courses:
        problems = [trial.problem for trial in course.record.trials]
        if problems and all(problems):
            raise UsageError(f"study {course.definition.label}: no trial can be trained: {problems[0]}")


def _reflect(url: str | None, site: Site) -> Reflect:
    """Return what opens the copy of a study in a storage."""
    if url is None:
        return lambda definition: None
    storage = cache(lambda: storage_at(url))

    def reflect(definition: Definition) -> Mirror:
        name = f"{site.directory.name}: {definition.label} [{definition.record.key}]"
        return Mirror(storage(), name, definition.space, definition.metric.direction, complain=say)

    return reflect


def _told(course: Course) -> TrialRecord | None:
    """Return the best trial of a study by validation, and say what it was and what became of the others."""
    definition, best, outcomes = course.definition, course.best, course.outcomes
    lost = {state: n for state, n in Counter(each.state for each in outcomes).items() if state != "done"}
    told = "".join(f"; {n} {state}" for state, n in sorted(lost.items()))
    if best is None:
        say(f"study {definition.label}: none of {len(outcomes)} trials has a score{told}; there is nothing to confirm")
        return None
    found = f"{shown(best.params)}, validation {definition.metric.label} {outcomes[best.number].score:.4g}"
    say(f"study {definition.label}: best of {len(outcomes)} trials: {found}{told}")
    for path, end in at_edge(definition.space, best.params).items():
        say(f"study {definition.label}: {path} of the best trial is at the {end} edge of its space")
    return best


class Trials:
    """Gives the next trial to whoever asks, of the study that has had fewest, and takes in what becomes of it."""

    def __init__(self, courses: Sequence[Course], site: Site, tasks: SizedTasks, reflect: Reflect) -> None:
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
        room = self._site.population or schedule.POPULATION[course.definition.command.device]
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
        self._queue += schedule.packs(fresh.values(), self._loads, self._site.population)
