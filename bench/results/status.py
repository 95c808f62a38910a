"""Status: the state of the Runs of a results directory, read from its files, also during a sweep."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import results
from bench.core.endings import FINAL, RUN_STATUSES
from bench.core.errors import DataError, UsageError
from bench.results import Found, Holder, Label
from bench.results.run import RunRecord
from bench.results.study import StudyRecord

RUN_STATES = (*RUN_STATUSES, "running", "interrupted", "damaged", "missing")
"""Every Run that was begun or planned is in one of these."""

GROUP = ("task", "cell", "hidden_size", "num_layers")
"""What Runs are counted by."""

TO_DO = ("interrupted", "damaged", "missing")


@dataclass(frozen=True)
class RunState:
    """One Run: its record where it has ended, its holder where a process works on it now."""

    name: str
    label: Label
    state: str
    record: RunRecord | None = None
    holder: Holder | None = None

    @property
    def group(self) -> tuple[str, str, int, int]:
        """The values of `GROUP`."""
        return self.label.task, self.label.cell, self.label.hidden_size, self.label.num_layers


@dataclass(frozen=True)
class StudyState:
    """One study: how many trials were asked for, of how many, and how many of them are over."""

    label: str
    n_trials: int
    n_asked: int
    n_over: int


@dataclass(frozen=True)
class DirectoryStatus:
    """The state of every Run and every study of a directory.

    `damaged` has a message for each record that cannot be read and each folder that is no Run's; `set_aside` are
    damaged files of before; `plan_problem` says why it is not known which Runs are missing.
    """

    runs: tuple[RunState, ...]
    damaged: tuple[str, ...]
    set_aside: tuple[Path, ...]
    plan_problem: str
    studies: tuple[StudyState, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        return count(self.runs)

    @property
    def groups(self) -> dict[tuple[str, str, int, int], dict[str, int]]:
        """Number of Runs in each state for each task, cell and size."""
        members = defaultdict(list)
        for run in self.runs:
            members[run.group].append(run)
        return {group: count(runs) for group, runs in sorted(members.items())}

    def in_state(self, state: str) -> list[RunState]:
        return [run for run in self.runs if run.state == state]


def status_of(directory: Path) -> DirectoryStatus:
    """Return the state of every Run of a results directory, changing nothing. Raises UsageError if there is none."""
    runs, damaged, set_aside = [], [], []
    for found in results.scan(directory, curves=False):
        label = Label.of(found.folder.name)
        if label is not None:
            runs.append(_state_of(found, label))
        if found.damage or label is None:
            damaged.append(found.damage or str(DataError(str(found.folder), "not the directory of a run")))
        set_aside += _set_aside_in(found.folder)
    missing, plan_problem = _missing(directory, {run.label.key for run in runs})
    if not runs and not damaged and not missing:
        raise UsageError(f"no runs in {directory}; a sweep leaves them in results/NAME")
    states = {run.label.key: run.state for run in runs}
    studies = results.read_studies(directory)
    told = tuple(_study_state(study, states) for study in studies.records)
    return DirectoryStatus((*runs, *missing), (*damaged, *studies.damaged), tuple(set_aside), plan_problem, told)


def eta_seconds(runs: Sequence[RunState], now: datetime) -> float | None:
    """Estimate the remaining time of a running sweep, None if nothing runs or no Run is done yet.

    Each Run still to do takes the mean `cost.seconds` of the finished Runs of its task, cell and size (of all, where
    there is none); those that run now count for what is left of it; as many go on at a time as run now.
    """
    running = [run for run in runs if run.state == "running"]
    seconds: dict[object, list[float]] = defaultdict(list)
    for run in runs:
        if run.record is not None and run.record.outcome.status in FINAL:
            seconds[run.group].append(run.record.cost.seconds)
            seconds[None].append(run.record.cost.seconds)
    if not running or not seconds:
        return None
    means = {group: sum(values) / len(values) for group, values in seconds.items()}
    waiting = sum(means.get(run.group, means[None]) for run in runs if run.state in TO_DO)
    under_way = sum(max(0.0, means.get(run.group, means[None]) - _age(run.holder, now)) for run in running)
    return (waiting + under_way) / len(running)


def count(runs: Iterable[RunState]) -> dict[str, int]:
    """Return how many Runs are in each state, every state in its place."""
    found = Counter(run.state for run in runs)
    return {state: found[state] for state in RUN_STATES}


def rows(status: DirectoryStatus) -> Mapping[str, Any]:
    """Return the status as one JSON-safe object."""
    return {
        "counts": status.counts,
        "eta_seconds": eta_seconds(status.runs, datetime.now(UTC)),
        "groups": [dict(zip(GROUP, group, strict=True)) | counts for group, counts in status.groups.items()],
        "running": [
            {"run": run.name, "host": run.holder.host, "pid": run.holder.pid, "since": run.holder.since}
            for run in status.runs
            if run.holder is not None
        ],
        **{state: [_ending(run) for run in status.in_state(state)] for state in ("failed", "timeout", "diverged")},
        **{state: [run.name for run in status.in_state(state)] for state in ("interrupted", "missing")},
        "studies": [vars(study) for study in status.studies],
        "damaged": list(status.damaged),
        "set_aside": [str(path) for path in status.set_aside],
        "plan": status.plan_problem or "read",
    }


def _study_state(study: StudyRecord, states: Mapping[str, str]) -> StudyState:
    trials = study.trials[: study.n_wanted]
    over = [
        trial
        for trial in trials
        if trial.problem
        or trial.is_given_up
        or all(states.get(key) in (*FINAL, "timeout", "failed") for key in trial.runs)
    ]
    return StudyState(study.label, study.n_wanted, len(trials), len(over))


def _state_of(found: Found, label: Label) -> RunState:
    record, name = found.record, found.folder.name
    if record is not None and record.outcome.status in FINAL:
        return RunState(name, label, record.outcome.status, record)
    holder = results.holder(found.folder)
    if holder is not None:
        return RunState(name, label, "running", record, holder)
    again = found if record is not None or found.damage else results.look(found.folder, curves=False)
    if again.record is not None:  # it may have ended between the two reads
        return RunState(name, label, again.record.outcome.status, again.record)
    return RunState(name, label, "damaged" if again.damage else "interrupted")


def _missing(directory: Path, begun: set[str]) -> tuple[list[RunState], str]:
    """Return the planned Runs that were never begun, and why they are not known if so."""
    try:
        plan = results.read_plan(directory)
    except FileNotFoundError:
        return [], "there is no plan.json, so it is not known which runs are missing"
    except DataError as error:
        return [], f"{error}; it is not known which runs are missing"
    labels = [(run.label, Label.of(run.label)) for run in plan if run.key not in begun]
    return [RunState(name, label, "missing") for name, label in labels if label is not None], ""


def _set_aside_in(folder: Path) -> list[Path]:
    try:
        return [folder / name for name in sorted(os.listdir(folder)) if ".damaged-" in name]
    except OSError:
        return []


def _age(holder: Holder | None, now: datetime) -> float:
    try:
        return max(0.0, (now - datetime.fromisoformat(holder.since if holder else "")).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _ending(run: RunState) -> dict[str, str]:
    return {"run": run.name, "reason": run.record.outcome.reason if run.record else ""}
