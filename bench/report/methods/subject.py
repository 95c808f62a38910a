"""A Run as the methods describe it, and phrases for what several Runs have in common and where they differ."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.core.wording import listed, plain
from bench.report.inputs import ReportData
from bench.results.replications import confirmed_by
from bench.results.run import Run, RunRecord
from bench.results.study import StudyRecord

AS_TUNED, AS_CHOSEN = "as tuned", "as each replication chose it"

MOST_PHRASES = 6
"""Different values of one setting that a sentence still holds."""


@dataclass(frozen=True)
class Subject:
    """A Run with the printed names of its task and its cell; `study` chose its settings, if there is one."""

    record: RunRecord
    task: str
    cell: str
    study: StudyRecord | None

    @property
    def run(self) -> Run:
        return self.record.run

    @property
    def kind(self) -> str:
        return str(self.run.task.get("kind", ""))

    def is_searched(self, path: str) -> bool:
        """Return whether a study chose a setting of this Run."""
        return self.study is not None and path in self.study.space

    def value(self, path: str, value: float) -> str:
        """Return a setting in words; one chosen by a study is named as such, since it differs by cell and task."""
        return self._as_tuned if self.is_searched(path) else f"{value:,g}"

    @property
    def _as_tuned(self) -> str:
        return AS_CHOSEN if self.study is not None and self.study.replication else AS_TUNED


Phrase = Callable[[Subject], str]

Scope = tuple[str, str]
"""A task and a cell, "" for any."""

ScopeOf = Callable[[Subject], Scope]


def subjects_of(found: ReportData) -> tuple[Subject, ...]:
    """Return the Runs of the summary, in the order of the report's frame."""
    named = {key: plain(label, 80) for key, label in zip(found.runs["key"], found.runs["task_label"], strict=True)}
    studies = [study for tuned in found.tuned for records in tuned.replications.values() for study in records]
    by_trial = {key: study for study in studies for trial in study.trials for key in trial.runs}
    chose = _studies_by_confirmed(found)
    records = {record.key: record for record in found.reported}
    return tuple(
        Subject(
            records[key],
            named[key],
            found.looks[records[key].run.cell_name].name,
            by_trial.get(key) or chose.get(key) or chose.get(_of_any_seed(records[key].run)),
        )
        for key in found.runs["key"]
        if key in records
    )


def spread(subjects: Sequence[Subject], phrase: Phrase) -> str:
    """Return a phrase for all Runs: once if it is the same for all, else by task, by cell, or by both.

    Runs whose phrase is "" are omitted.
    """
    phrases = [(subject, phrase(subject)) for subject in subjects]
    distinct = list(dict.fromkeys(text for _, text in phrases))
    if len(distinct) == 1:
        return distinct[0]
    for scope_of in (_task_of, _cell_of, _task_and_cell_of):
        if placed := _phrases_by_scope(phrases, scope_of):
            return placed
    distinct = [text for text in distinct if text]
    more = f"; or one of {len(distinct) - MOST_PHRASES} more" if len(distinct) > MOST_PHRASES else ""
    return f"{'; or '.join(distinct[:MOST_PHRASES])}{more} (the summary says which group of runs had which)"


def _phrases_by_scope(phrases: Sequence[tuple[Subject, str]], scope_of: ScopeOf) -> str:
    """Return each phrase with its scopes; "" if a scope has several phrases or the list is too long."""
    by_scope: dict[Scope, set[str]] = defaultdict(set)
    for subject, text in phrases:
        by_scope[scope_of(subject)].add(text)
    scopes: dict[str, list[Scope]] = defaultdict(list)
    for scope, texts in by_scope.items():
        scopes[min(texts)].append(scope)
    if any(len(texts) > 1 for texts in by_scope.values()) or len(scopes) > MOST_PHRASES:
        return ""
    return "; ".join(f"{text} {_scope_names(found)}" for text, found in scopes.items() if text)


def _scope_names(scopes: Sequence[Scope]) -> str:
    by_task: dict[str, list[str]] = defaultdict(list)
    for task, cell in scopes:
        by_task[task].append(cell)
    if not any(cell for _, cell in scopes):
        return f"({listed(list(by_task))})"
    return f"({'; '.join(f'{listed(cells)} on {task}' if task else listed(cells) for task, cells in by_task.items())})"


def _task_of(subject: Subject) -> Scope:
    return subject.task, ""


def _cell_of(subject: Subject) -> Scope:
    return "", subject.cell


def _task_and_cell_of(subject: Subject) -> Scope:
    return subject.task, subject.cell


def _studies_by_confirmed(found: ReportData) -> dict[str, StudyRecord]:
    """Return the study whose best trial a Run confirms: by its key, or without replications by that of any seed."""
    studies = {}
    for study, trial in ((study, trial) for tuned in found.tuned for _, study, trial in tuned.best):
        for key in trial.runs:
            run = found.by_key[key].run
            studies[confirmed_by(study, run).key if study.replication else _of_any_seed(run)] = study
    return studies


def _of_any_seed(run: Run) -> str:
    return dataclasses.replace(run, seed=0, phase="confirm").key
