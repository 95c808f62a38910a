"""Stages: each cell searches the same space with the same number of trials, and its best trial is confirmed.

Trials never see the test split. Every cell gets the same random draws, and confirmation the same fresh seeds, so that
what is compared is the cells and not their luck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache

from bench.errors import UsageError
from bench.executors import executor_of
from bench.publish import say
from bench.records import Run
from bench.request import Tasks
from bench.settings import Command, NoPruner, Site
from bench.study import Mirror, storage_at
from bench.sweep import Sweep, site_of, sweep_of
from bench.trials import TrialRecord, at_edge, shown
from bench.tuning.course import Course, Reflect
from bench.tuning.definition import Definition, definitions
from bench.tuning.export import Compose, Winner, export
from bench.tuning.supply import Trials


def stages(commands: Sequence[Command], tasks: Tasks, compose: Compose) -> Iterator[Sweep]:
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
