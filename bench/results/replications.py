"""Replications of a search: each has a study of its own, and one Run that confirms its best trial.

The settings that a search chose are its results and no condition: the confirmations of all its replications belong
together, whatever each chose.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bench.results.run import Run, RunRecord
from bench.results.study import FIRST_FRESH_SEED, StudyRecord, TrialRecord, best_of, outcome_of


@dataclass(frozen=True)
class Replications:
    """The keys of Runs that confirm a replication, with the settings that it chose, and of those that do no more.

    A longer search may choose another trial; the Run that confirmed the one before stays on disk and speaks no more.
    """

    chosen: Mapping[str, frozenset[str]]
    superseded: frozenset[str]


def replications_of(studies: Iterable[StudyRecord], records: Sequence[RunRecord]) -> Replications:
    """Return which Runs confirm replications."""
    by_key = {record.key: record for record in records}
    chosen: dict[str, frozenset[str]] = {}
    superseded: set[str] = set()
    for study in (each for each in studies if each.replication):
        best = best_of(study, [outcome_of(trial, study.metric, by_key) for trial in study.trials])
        for trial in study.trials:
            if (run := _run_of(trial, by_key)) is None:
                continue
            key = confirmed_by(study, run).key
            if trial == best:
                chosen[key] = frozenset(study.space)
            else:
                superseded.add(key)
    return Replications(chosen, frozenset(superseded - chosen.keys()))


def trials_of_runs(studies: Iterable[StudyRecord], records: Sequence[RunRecord]) -> dict[str, tuple[str, int]]:
    """Return the key of the study and the number of the trial that a Run trains or confirms, by the key of the Run.

    Of several trials that have a Run in common it is the first; Runs outside of studies have none.
    """
    by_key = {record.key: record for record in records}
    found: dict[str, tuple[str, int]] = {}
    confirmed: dict[str, tuple[str, int]] = {}
    for study in studies:
        for trial in study.trials:
            for key in trial.runs:
                found.setdefault(key, (study.key, trial.number))
            if (run := _run_of(trial, by_key)) is None:
                continue
            key = confirmed_by(study, run).key if study.replication else _on_any_seed(run)
            (found if study.replication else confirmed).setdefault(key, (study.key, trial.number))
    for record in records if confirmed else ():
        if record.run.phase == "confirm" and (of_trial := confirmed.get(_on_any_seed(record.run))) is not None:
            found.setdefault(record.key, of_trial)
    return found


def _on_any_seed(run: Run) -> str:
    """Return a key that all confirmations of a trial share."""
    return dataclasses.replace(run, phase="confirm", seed=0).key


def confirmed_by(study: StudyRecord, run: Run) -> Run:
    """Return the Run that confirms a trial of a replication, given one of the trial's Runs."""
    return dataclasses.replace(run, phase="confirm", seed=study.seed + FIRST_FRESH_SEED + study.replication - 1)


def _run_of(trial: TrialRecord, by_key: Mapping[str, RunRecord]) -> Run | None:
    return next((by_key[key].run for key in trial.runs if key in by_key), None)
