"""Studies on disk: the trials in the order asked for, and the outcome of each from the records of its Runs."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.core.digest import built_from, with_digest
from bench.core.endings import TrialStatus
from bench.core.errors import ConfigError, DataError
from bench.core.metrics import METRICS, Direction
from bench.core.settings.search_space import Dimension, Value, checked
from bench.core.settings.widening import End, widened
from bench.results.run import RunRecord

FORMAT = 1
"""Version of a study's layout on disk."""

FIRST_FRESH_SEED = 1000
"""Offset of the seeds of confirmation from those of the trials."""


@dataclass(frozen=True)
class TrialRecord:
    """One assignment of the searched settings, and the keys of the Runs that train it, one for each seed.

    `n_finished` trials were over when this one was asked for; `problem` says why it cannot be trained, if so;
    `is_given_up` where its later seeds were left out.
    """

    number: int
    params: Mapping[str, Any]
    runs: tuple[str, ...] = ()
    n_finished: int = 0
    problem: str = ""
    is_given_up: bool = False


@dataclass(frozen=True)
class Extension:
    """A part from `low` to `high` by which the range of one setting was widened, for every cell, and its trials.

    `cells` are those whose best trials lay at that end. The `n_trials` trials from number `first` on have their values
    of this setting from the new part alone.
    """

    path: str
    end: End
    low: float
    high: float
    cells: tuple[str, ...]
    first: int
    n_trials: int

    def part_of(self, dimension: Dimension) -> Dimension:
        """Return the new part of a dimension."""
        return dataclasses.replace(dimension, low=self.low, high=self.high)


@dataclass(frozen=True)
class StudyRecord:
    """The tuning of one cell on one task at one size: its space, how it was searched, and its trials.

    `settings` is what the trials have in common, nested as the config is; `finished` holds the numbers of the trials
    in the order in which they were over. `replication` counts from 1, and is 0 where the search is carried out once;
    `search` is what all replications of a search have in common, "" where there are none. `n_trials` are those in the
    space before it was widened by `extensions`, each of which has more; `space` is as wide as it became.
    """

    key: str
    label: str
    task: str
    cell: str
    metric: str
    space: Mapping[str, Dimension]
    sampler: Mapping[str, Any]
    pruner: Mapping[str, Any]
    seed: int
    seeds_per_trial: int
    n_trials: int
    settings: Mapping[str, Any]
    trials: tuple[TrialRecord, ...] = ()
    finished: tuple[int, ...] = ()
    replication: int = 0
    search: str = ""
    extensions: tuple[Extension, ...] = ()
    format: int = field(default=FORMAT)

    @property
    def n_wanted(self) -> int:
        """Number of trials in all: those in the space as it was, and those of its extensions."""
        return self.n_trials + sum(each.n_trials for each in self.extensions)

    @property
    def direction(self) -> Direction:
        return METRICS[self.metric].direction

    @property
    def search_key(self) -> str:
        """The key of the search, which all its replications share."""
        return self.search or self.key

    def to_json(self) -> str:
        """Return the study as JSON text that carries its own digest."""
        return with_digest(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str, where: str) -> StudyRecord:
        """Read a study. Raises DataError naming `where` if it is damaged or of another format."""
        study = built_from(StudyRecord, text, where, FORMAT, "study")
        try:
            for path, dimension in study.space.items():
                checked(dimension, path)
            if any(each.path not in study.space or study.space[each.path].choices for each in study.extensions):
                raise ConfigError("extensions", "are of numbers that were searched")
        except ConfigError as error:
            raise DataError(where, f"not a study: {error}") from error
        if study.metric not in METRICS or [trial.number for trial in study.trials] != [*range(len(study.trials))]:
            raise DataError(where, "not a study: its metric or the numbers of its trials are not what they must be")
        return study

    def with_extension(self, each: Extension) -> StudyRecord:
        """Return the study over the wider space."""
        space = widened(self.space, each.path, each.end, each.low, each.high)
        return dataclasses.replace(self, space=space, extensions=(*self.extensions, each))

    def with_asked(self, asked: Asked) -> StudyRecord:
        """Return the study with one more trial."""
        return dataclasses.replace(self, trials=(*self.trials, asked.trial), finished=(*self.finished, *asked.finished))


@dataclass(frozen=True)
class Asked:
    """A trial that was asked for, and those that were over since the one before."""

    trial: TrialRecord
    finished: tuple[int, ...] = ()
    format: int = field(default=FORMAT)

    def to_json(self) -> str:
        """Return the trial as JSON text that carries its own digest."""
        return with_digest(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str, where: str) -> Asked:
        """Read a trial. Raises DataError naming `where` if it is damaged or of another format."""
        return built_from(Asked, text, where, FORMAT, "trial")


@dataclass(frozen=True)
class TrialOutcome:
    """The outcome of a trial; `score` is its mean best validation score in the task's metric, nan unless done."""

    state: TrialStatus
    score: float = math.nan
    n_epochs: float = 0.0


def outcome_of(trial: TrialRecord, metric: str, records: Mapping[str, RunRecord]) -> TrialOutcome:
    """Return the outcome of a trial, given the records of its Runs by key."""
    if trial.problem:
        return TrialOutcome("infeasible")
    found = [records[key] for key in trial.runs if key in records]
    n_epochs = sum(record.outcome.n_epochs for record in found)
    statuses = {record.outcome.status for record in found}
    if "diverged" in statuses:
        return TrialOutcome("diverged", n_epochs=n_epochs)
    if statuses & {"failed", "timeout"}:
        return TrialOutcome("failed", n_epochs=n_epochs)
    if "pruned" in statuses or trial.is_given_up:
        return TrialOutcome("pruned", n_epochs=n_epochs)
    if len(found) < len(trial.runs):
        return TrialOutcome("waiting", n_epochs=n_epochs)
    return TrialOutcome("done", _score(found, metric), n_epochs)


def best_of(study: StudyRecord, outcomes: Sequence[TrialOutcome]) -> TrialRecord | None:
    """Return the trial with the best score, the earliest of equals; None where no trial is done."""
    ranked = [(outcome.score, trial.number) for trial, outcome in zip(study.trials, outcomes, strict=True)]
    sign = -1.0 if study.direction == "maximise" else 1.0
    done = [(sign * score, number) for score, number in ranked if math.isfinite(score)]
    return study.trials[min(done)[1]] if done else None


def shown(params: Mapping[str, Value]) -> str:
    """Return the settings of a trial as text, sorted by name."""
    return ", ".join(
        f"{path} {value:.4g}" if isinstance(value, float) else f"{path} {value}"
        for path, value in sorted(params.items())
    )


def _score(records: Sequence[RunRecord], metric: str) -> float:
    return statistics.fmean(record.outcome.scores["validation"][metric] for record in records)
