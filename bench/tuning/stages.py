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
from bench.results.study import TrialRecord, shown
from bench.sweep import schedule
from bench.sweep.executors import executor_of
from bench.sweep.executors.base import Pack
from bench.sweep.plan import Sweep, site_of, sweep_of
from bench.sweep.resolve import SizedTasks, shape_of
from bench.sweep.schedule import Load, load_of
from bench.tuning.dashboard import Mirror, storage_at
from bench.tuning.definition import Definition, definitions
from bench.tuning.export import Compose, Winner, best_of_replications, export
from bench.tuning.extension import Family, edges_of_search, families, searches
from bench.tuning.study import Reflect, StudyRunner


def stages(commands: Sequence[Command], tasks: SizedTasks, compose: Compose) -> Iterator[Sweep]:
    """Yield the sweep over all trials, those over extensions of the space, and last the one over the confirmations.

    Each is yielded when the one before has been run. Before the last the best trials are exported, each file checked
    against the command that `compose` gives for it. Weights are kept of confirmations alone. Raises UsageError for a
    space that cannot be searched.
    """
    command = commands[0]
    site = replace(site_of(command), is_pruning=not isinstance(command.tune.pruner, NoPruner))
    executor, stops = executor_of(command), command.on_failure == "stop"
    of_trials = replace(site, keep="none")
    runners = [StudyRunner(definition, of_trials, tasks) for definition in definitions(commands)]
    _check_feasible(runners)
    widening = families(runners)
    trials = TrialQueue(runners, of_trials, tasks, _reflect(command.tune.storage, site))
    try:
        yield sweep_of(_runs(runners), of_trials, executor, tasks, stops_at_failure=stops, queue=trials)
        for before, fresh in _extended(widening, runners):
            yield sweep_of(fresh, of_trials, executor, tasks, stops_at_failure=stops, queue=trials, before=before)
        winners = [(runner, best) for runner in runners if (best := _best_trial(runner)) is not None]
        _warn_of_edges(runners)
        found = [_winner(runner, best) for runner, best in winners]
        export(best_of_replications(found), site.directory, compose, tasks)
    finally:
        trials.close()
    confirmed = [run for runner, best in winners for run in runner.definition.confirmation(best.params, tasks)]
    problems = [f"study {runner.definition.label}: no trial has a score" for runner in runners if runner.best is None]
    if confirmed or problems:
        second = sweep_of(confirmed, site, executor, tasks, stops_at_failure=stops, before=_runs(runners))
        yield replace(second, problems=tuple(problems))


def _extended(widening: Sequence[Family], runners: Sequence[StudyRunner]) -> Iterator[tuple[list[Run], list[Run]]]:
    """Widen spaces as long as that is due, and yield the Runs there were before each time, and the new ones."""
    before = _runs(runners)
    while told := [text for family in widening for text in family.widen()]:
        for text in told:
            say(text)
        known = {run.key for run in before}
        fresh = [run for run in _runs(runners) if run.key not in known]
        if fresh:
            yield before, fresh
        before += fresh


def _runs(runners: Sequence[StudyRunner]) -> list[Run]:
    return [run for runner in runners for run in runner.wanted]


def _winner(runner: StudyRunner, best: TrialRecord) -> Winner:
    return Winner(runner.record, best, runner.runs[best.runs[0]], runner.outcomes[best.number].score)


def _check_feasible(runners: Sequence[StudyRunner]) -> None:
    """Refuse a study none of whose trials can be trained, if that is known before the first."""
    for runner in runners:
        problems = [trial.problem for trial in runner.record.trials]
        if problems and all(problems):
            raise UsageError(f"study {runner.definition.label}: no trial can be trained: {problems[0]}")


def _reflect(url: str | None, site: Site) -> Reflect:
    """Return a function that opens the copy of a study in a storage."""
    if url is None:
        return lambda definition: None
    storage = cache(lambda: storage_at(url))

    def reflect(definition: Definition) -> Mirror:
        name = f"{site.directory.name}: {definition.label} [{definition.record.key}]"
        return Mirror(storage(), name, definition.space, definition.metric.direction, complain=say)

    return reflect


def _best_trial(runner: StudyRunner) -> TrialRecord | None:
    """Return the best trial of a study by validation, and print it and how the others ended."""
    definition, best, outcomes = runner.definition, runner.best, runner.outcomes
    lost = {state: n for state, n in Counter(each.state for each in outcomes).items() if state != "done"}
    told = "".join(f"; {n} {state}" for state, n in sorted(lost.items()))
    if best is None:
        say(f"study {definition.label}: none of {len(outcomes)} trials has a score{told}; nothing to confirm")
        return None
    found = f"{shown(best.params)}, validation {definition.metric.label} {outcomes[best.number].score:.4g}"
    say(f"study {definition.label}: best of {len(outcomes)} trials: {found}{told}")
    return best


def _warn_of_edges(runners: Sequence[StudyRunner]) -> None:
    for replications in searches(runners):
        label = replace(replications[0].definition, replication=0).label
        for edge in edges_of_search(replications):
            say(f"study {label}: {edge.said()}")


class TrialQueue:
    """Queue of the trials of several studies; the next trial is of the study with the fewest so far."""

    def __init__(self, runners: Sequence[StudyRunner], site: Site, tasks: SizedTasks, reflect: Reflect) -> None:
        self.runners, self._site, self._tasks, self._reflect = runners, site, tasks, reflect
        self._has_begun = False
        self._queue: deque[Pack] = deque()
        self._known: set[str] = set()
        self._loads: dict[str, Load] = {}
        self._held = ExitStack()

    def begin(self, waiting: Iterable[Run]) -> None:
        """Begin the studies, unless they have begun, and queue the waiting Runs.

        Raises HeldError if another process tunes one of them, StorageError, or UsageError if a storage is missing.
        """
        if not self._has_begun:
            mirrors = [self._reflect(runner.definition) for runner in self.runners]
            for runner, mirror in zip(self.runners, mirrors, strict=True):
                runner.begin(self._held, mirror)
        self._has_begun = True
        self._enqueue(waiting)

    def close(self) -> None:
        """Write the studies and release their locks."""
        with self._held:
            for runner in self.runners if self._has_begun else ():
                runner.write()

    @property
    def n_open(self) -> int:
        """Number of Runs not yet asked for."""
        return sum(runner.n_open * runner.definition.command.tune.seeds_per_trial for runner in self.runners)

    @property
    def searched(self) -> frozenset[str]:
        """Names of the settings that are searched."""
        return frozenset(path for runner in self.runners for path in runner.definition.space)

    @property
    def n_waiting(self) -> int:
        return len(self._queue) + self.n_open

    def next_pack(self) -> Pack | None:
        while not self._queue and any(runner.n_open for runner in self.runners):
            self._ask()
        return self._queue.popleft() if self._queue else None

    def should_prune(self, run: Run, nats: Sequence[float]) -> bool:
        """Return whether to prune a Run; one that several studies share is pruned only if each would prune it."""
        decisions = [runner.should_prune(run, nats) for runner in self._owners(run)]
        return all(decisions)

    def tell(self, run: Run) -> None:
        """Tell the studies that a Run has ended, and drop queued Runs that need not be trained any more."""
        dropped = {each.key for runner in self._owners(run) for each in runner.tell(run)}
        if dropped:
            packs = [tuple(each for each in pack if each.key not in dropped) for pack in self._queue]
            self._queue = deque(pack for pack in packs if pack)

    def note(self, run: Run) -> str:
        """Return number and settings of a Run's first trial."""
        (runner, *_) = self._owners(run)
        return runner.note(run)

    def _owners(self, run: Run) -> list[StudyRunner]:
        return [runner for runner in self.runners if run.key in runner.runs]

    def _ask(self) -> None:
        """Ask one study for as many trials as are trained together."""
        runner = min((each for each in self.runners if each.n_open), key=lambda each: len(each.record.trials))
        room = self._site.population or schedule.POPULATION[runner.definition.command.device]
        asked: list[Run] = []
        while len(asked) < room and runner.n_open:
            asked += runner.ask()
        self._enqueue(asked)

    def _enqueue(self, runs: Iterable[Run]) -> None:
        """Queue Runs that were not queued before: studies may share them."""
        fresh = {run.key: run for run in runs if run.key not in self._known}
        self._known |= fresh.keys()
        for key, run in fresh.items():
            task = self._tasks.task(run.task)
            self._loads[key] = load_of(run, shape_of(run, task), task)
        self._queue += schedule.packs(fresh.values(), self._loads, self._site.population)
