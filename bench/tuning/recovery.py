"""Recovery: which trials a study had, told from the records of their Runs where its own file is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench import store
from bench.errors import ConfigError
from bench.records import RunRecord
from bench.request import Tasks
from bench.space import Value
from bench.trials import StudyRecord, TrialRecord
from bench.tuning.definition import Definition, value_at


def recovered(definition: Definition, directory: Path, tasks: Tasks) -> StudyRecord:
    """Return a study with the trials that have a record, in the order in which they were started."""
    trials: dict[tuple[str, ...], TrialRecord] = {}
    for params, keys in _found(definition, directory, tasks):
        trials.setdefault(keys, TrialRecord(len(trials), params, keys, len(trials)))
    return replace(definition.record, trials=tuple(trials.values()), finished=tuple(range(len(trials))))


def _found(definition: Definition, directory: Path, tasks: Tasks) -> Iterator[tuple[dict[str, Value], tuple[str, ...]]]:
    records = store.read(directory, curves=False).records
    for record in sorted(records, key=lambda record: (record.provenance.started, record.key)):
        if _may_belong(definition, record):
            params = {path: value_at(record.run, path) for path in definition.space}
            try:
                keys = tuple(run.key for run in definition.runs_of(params, tasks))
            except ConfigError:
                continue
            if record.key in keys:
                yield params, keys


def _may_belong(definition: Definition, record: RunRecord) -> bool:
    run, study = record.run, definition.record
    return run.phase == "tune" and (run.task_name, run.cell_name) == (study.task, study.cell)
