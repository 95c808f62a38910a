"""Studies as frames: one row per trial, with its outcome and the value of each searched setting."""

from __future__ import annotations

import json
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bench.core.cell_words import without_words
from bench.core.digest import digest_of
from bench.core.metrics import METRICS
from bench.core.wording import plain
from bench.results.edges import Edge, edges_of
from bench.results.frames import TASK
from bench.results.groups import Settings, differing, leaves
from bench.results.labels import CellStyles, file_stem
from bench.results.run import RunRecord
from bench.results.study import StudyRecord, TrialOutcome, TrialRecord, best_of, outcome_of
from bench.results.study_families import FamilyColumns, with_families

TRIAL_COLUMNS = (
    *("study", "study_key", "replication", *TASK, "task_label", "family", "cell", "number"),
    *("state", "score", "counted", "is_best", "n_epochs", "epochs_saved", "runs"),
)
"""Columns of every trial; after them one for each setting that is searched in any study."""

INDEPENDENT = ("random", "qmc", "grid")
"""Samplers whose trials do not depend on scores: studies over one space have the same trials."""


TRIAL = ["replication", "number"]
"""Columns that name a trial of a study, the same trial in every cell where the draws are the same."""


@dataclass(frozen=True)
class Tuned:
    """The studies of one family by their display names, and the frame of their trials.

    Studies of one task with different size budgets or training fractions are not comparable and form separate
    families; the label names the family. The replications of a search have one name: `studies` has the first of them,
    `replications` all, and a study that is carried out once is the only one of its own.
    """

    label: str
    stem: str
    replications: Mapping[str, tuple[StudyRecord, ...]]
    trials: pd.DataFrame

    @cached_property
    def studies(self) -> Mapping[str, StudyRecord]:
        return {name: records[0] for name, records in self.replications.items()}

    @property
    def best(self) -> list[tuple[str, StudyRecord, TrialRecord]]:
        """The best trials, one of each replication that has one, with the name of the study."""
        by_key = {study.key: study for records in self.replications.values() for study in records}
        rows = self.trials[self.trials["is_best"].astype(bool)]
        named = zip(rows["study"], rows["study_key"], rows["number"], strict=True)
        return [(str(name), by_key[key], by_key[key].trials[int(number)]) for name, key, number in named]

    def edges(self, name: str) -> tuple[Edge, ...]:
        """Return the edges at which the best trials of a study, or of its replications, lie."""
        return edges_of([(study, trial) for each, study, trial in self.best if each == name])

    @property
    def first(self) -> StudyRecord:
        """Any of the studies, for what all share, such as the metric."""
        return next(iter(self.studies.values()))


def trials_frame(
    studies: Sequence[StudyRecord], records: Sequence[RunRecord], runs: pd.DataFrame, looks: CellStyles
) -> pd.DataFrame:
    """Return one row per trial of each study, given the records of its Runs and their frame.

    Replications of one search have one name in `study`, and are told apart by `replication` and `study_key`; each has
    a best trial.

    Units: `score` is the mean best validation score in the task's metric of a trial that is done. `counted` is what a
    trial counts for where it must have a score: a done trial its own, a pruned one the best that it had reached, a
    diverged one the worst of all done trials of its task; the others have none. `epochs_saved` is what pruning left
    out at most: for a pruned trial, its seeds times the epochs of a whole Run, less those trained. `runs` has the keys
    of its Runs, joined by blanks.
    """
    by_key = {record.key: record for record in records}
    searches = _searches(studies)
    firsts = [first for first, *_ in searches.values()]
    families = with_families(firsts, {first.key: _runs_of(searches[first.search_key], runs) for first in firsts})
    names = _names(firsts, by_key, families, looks)
    firsts.sort(key=lambda study: _rank(families[study.key], names[study.key], study, looks))
    ordered = [(first, study) for first in firsts for study in searches[first.search_key]]
    rows = [
        {**row, **families[first.key], "study": names[first.key]}
        for first, study in ordered
        for row in _rows(study, by_key)
    ]
    settings = dict.fromkeys(path for study in firsts for path in study.space)
    trials = pd.DataFrame(rows, columns=[*TRIAL_COLUMNS, *settings])
    trials["counted"] = trials["counted"].fillna(_worst(studies, trials).where(trials["state"] == "diverged"))
    return trials


def tuned_tasks(studies: Sequence[StudyRecord], trials: pd.DataFrame) -> tuple[Tuned, ...]:
    """Return the studies by task and family, in the order of the frame; a study without a trial is left out."""
    by_key = {study.key: study for study in studies}
    found = []
    for (*task, family), rows in trials.groupby([*TASK, "family"], sort=False):
        named = {
            str(name): tuple(by_key[key] for key in own["study_key"].unique())
            for name, own in rows.groupby("study", sort=False)
        }
        settings = dict.fromkeys(path for study, *_ in named.values() for path in study.space)
        of_task = rows[[*TRIAL_COLUMNS, *settings]].reset_index(drop=True)
        kind = str(family)
        label = plain(rows["task_label"].iloc[0], 80) + (f", {plain(kind, 120)}" if kind else "")
        stem = file_stem(task) + (f"-{digest_of(kind)[:6]}" if kind else "")
        found.append(Tuned(label, stem, named, of_task))
    return tuple(found)


def sampler_of(study: StudyRecord) -> str:
    """Return the name of a study's sampler."""
    return str(study.sampler.get("name", "unknown"))


def are_paired(studies: Sequence[StudyRecord]) -> bool:
    """Return whether trials of one number, in one replication, have the same settings in all studies."""
    first = studies[0]
    drawn = [(study.sampler, study.seed, study.space) for study in studies]
    return sampler_of(first) in INDEPENDENT and all(each == drawn[0] for each in drawn)


def fixed_settings(study: StudyRecord, records: Mapping[str, RunRecord]) -> Settings:
    """Return the settings that a study's trials have in common, with the cell's own where a Run of it is known."""
    settings = {path: value for path, value in leaves(study.settings, "") if path not in study.space}
    run = next((records[key].run for trial in study.trials for key in trial.runs if key in records), None)
    of_cell = dict(leaves(without_words(run.cell), "cell")) if run is not None else {}
    return settings | {path: value for path, value in of_cell.items() if path not in study.space}


def _searches(studies: Sequence[StudyRecord]) -> dict[str, list[StudyRecord]]:
    """Return the replications of each search, in order."""
    found: dict[str, list[StudyRecord]] = defaultdict(list)
    for study in sorted(studies, key=lambda study: (study.replication, study.key)):
        found[study.search_key].append(study)
    return found


def _rank(family: FamilyColumns, name: str, study: StudyRecord, looks: CellStyles) -> tuple[object, ...]:
    return *family.values(), [*looks].index(study.cell), name, study.key


def _names(
    studies: Sequence[StudyRecord],
    records: Mapping[str, RunRecord],
    families: Mapping[str, FamilyColumns],
    looks: CellStyles,
) -> dict[str, str]:
    """Return the name of each study: its cell, and its distinguishing settings if several studies share the cell."""
    names = {}
    for study in studies:
        siblings = [
            other for other in studies if (families[other.key], other.cell) == (families[study.key], study.cell)
        ]
        told = differing({other.key: _identity(other, records) for other in siblings})[study.key]
        names[study.key] = f"{looks[study.cell].name} {plain(told, 60)}".strip()
    n_called = Counter((*families[key].values(), name) for key, name in names.items())
    return {
        key: name if n_called[*families[key].values(), name] == 1 else f"{name} {key[:6]}"
        for key, name in names.items()
    }


def _identity(study: StudyRecord, records: Mapping[str, RunRecord]) -> dict[str, str]:
    parts: dict[str, Any] = {"sampler": study.sampler, "pruner": study.pruner, "tune.seed": study.seed}
    parts["tune.seeds_per_trial"] = study.seeds_per_trial
    told = {path: value for name, part in parts.items() for path, value in leaves(part, name)}
    return {**fixed_settings(study, records), **told, "space": json.dumps(sorted(study.space))}


def _runs_of(studies: Sequence[StudyRecord], runs: pd.DataFrame) -> pd.DataFrame:
    """Return the known Runs of the replications of a search, or if there are none all Runs of its task."""
    keys = [key for study in studies for trial in study.trials for key in trial.runs]
    known = runs[runs["key"].isin(keys)]
    return runs[runs["task"] == studies[0].task] if known.empty else known


def _rows(study: StudyRecord, records: Mapping[str, RunRecord]) -> list[dict[str, Any]]:
    outcomes = [outcome_of(trial, study.metric, records) for trial in study.trials]
    best = best_of(study, outcomes)
    return [
        {
            "study_key": study.key,
            "replication": study.replication,
            "cell": study.cell,
            "number": trial.number,
            "state": outcome.state,
            "score": outcome.score,
            "counted": _counted_score(study, trial, outcome, records),
            "is_best": trial == best,
            "n_epochs": float(outcome.n_epochs),
            "epochs_saved": _epochs_saved(study, trial, outcome, records),
            "runs": " ".join(trial.runs),
            **trial.params,
        }
        for trial, outcome in zip(study.trials, outcomes, strict=True)
    ]


def _counted_score(
    study: StudyRecord, trial: TrialRecord, outcome: TrialOutcome, records: Mapping[str, RunRecord]
) -> float:
    if outcome.state != "pruned":
        return outcome.score
    curves = [records[key].outcome.curve for key in trial.runs if key in records]
    best = [min(point.validation_nats for point in curve) for curve in curves if curve]
    reached = [METRICS[study.metric].from_nats(nats) for nats in best]
    return statistics.fmean(reached) if reached else math.nan


def _epochs_saved(
    study: StudyRecord, trial: TrialRecord, outcome: TrialOutcome, records: Mapping[str, RunRecord]
) -> float:
    if outcome.state != "pruned":
        return 0.0
    whole = max((records[key].run.train.max_epochs for key in trial.runs if key in records), default=0)
    return max(0.0, study.seeds_per_trial * whole - outcome.n_epochs) if whole else math.nan


def _worst(studies: Sequence[StudyRecord], trials: pd.DataFrame) -> pd.Series[float]:
    """Return, for each trial, the worst score of any done trial of its task."""
    directions = {study.key: study.direction for study in studies}
    by_task = trials.groupby(TASK)["score"]
    is_maximised = trials["study_key"].map(directions) == "maximise"
    return by_task.transform("min").where(is_maximised, by_task.transform("max"))
