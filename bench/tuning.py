"""Tuning: each cell searches the same space with the same number of trials, and its best trial is confirmed.

Trials never see the test split. Trial n has the same settings in every study over the same space, and confirmation the
same fresh seeds, so that what is compared is the cells and not their luck.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench import store, study
from bench.errors import ConfigError
from bench.executors import executor_of
from bench.metrics import METRICS
from bench.publish import say
from bench.records import Run, RunRecord
from bench.request import Tasks, run_of
from bench.schema import convert, fields_of
from bench.settings import Command
from bench.space import Dimension, Space, Value, space_of
from bench.sweep import Sweep, site_of, sweep_of

FIRST_FRESH_SEED = 1000
"""How far the seeds of confirmation are from those of the trials."""

EDGE = 0.05
"""A winner within this share of a dimension's range from its end is said to be at the edge."""


@dataclass(frozen=True)
class Trial:
    """One assignment of the searched settings, trained on a few seeds."""

    number: int
    params: Mapping[str, Value]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Study:
    """The tuning of one cell on one task at one size."""

    command: Command
    space: Space
    trials: tuple[Trial, ...]

    @property
    def label(self) -> str:
        """Task and cell, as they are shown."""
        return f"{self.command.task['name']} {self.command.cell['name']}"


def studies_of(commands: Sequence[Command], tasks: Tasks) -> list[Study]:
    """Return the study of each command with every trial checked. Raises UsageError."""
    return [_study_of(command, tasks) for command in commands]


def stages(studies: Sequence[Study], tasks: Tasks) -> Iterator[Sweep]:
    """Yield the sweep over all trials, and, when that has been carried out, the one over the confirmations."""
    command = studies[0].command
    site, executor, stops = site_of(command), executor_of(command), command.on_failure == "stop"
    trials = [run for each in studies for trial in each.trials for run in trial.runs]
    yield sweep_of(trials, site, executor, tasks, stops_at_failure=stops)
    winners = [(each, best) for each in studies if (best := _told(each, site.directory)) is not None]
    confirmed = [run for each, best in winners for run in _confirmation(each.command, best, tasks)]
    if confirmed:
        yield sweep_of([*trials, *confirmed], site, executor, tasks, stops_at_failure=stops)


def with_params(command: Command, params: Mapping[str, Value]) -> Command:
    """Return a command with searched settings made. Raises ConfigError for a setting that does not exist."""
    for path, value in params.items():
        command = _with(command, path.split("."), value, f"space.{path}")
    return command


def _study_of(command: Command, tasks: Tasks) -> Study:
    tune, space = command.tune, space_of(command.space)
    if not space:
        raise ConfigError(
            "space", f"is empty with tune.n_trials={tune.n_trials}; `space=lr` searches the learning rate"
        )
    points = study.trials(space, tune.sampler, tune.n_trials, seed=tune.seed)
    seeds = range(tune.seed, tune.seed + tune.seeds_per_trial)
    base = replace(command, phase="tune")
    trials = [
        Trial(number, params, tuple(run_of(replace(with_params(base, params), seed=seed), tasks) for seed in seeds))
        for number, params in enumerate(points)
    ]
    return Study(command, space, tuple(trials))


def _with(node: Any, keys: Sequence[str], value: Value, where: str) -> Any:
    """Return a copy of nested settings with one of them replaced."""
    name, *rest = keys
    if isinstance(node, Mapping):
        return {**node, name: _with(node[name], rest, value, where) if rest else value}
    legal = fields_of(type(node))
    if name not in legal:
        raise ConfigError(where, "is no setting that can be searched")
    changed = _with(getattr(node, name), rest, value, where) if rest else convert(legal[name], value, where)
    return replace(node, **{name: changed})


def _confirmation(command: Command, best: Trial, tasks: Tasks) -> list[Run]:
    first = command.tune.seed + FIRST_FRESH_SEED
    chosen = replace(with_params(command, best.params), phase="confirm")
    return [run_of(replace(chosen, seed=first + i), tasks) for i in range(command.tune.confirm_seeds)]


def _told(each: Study, directory: Path) -> Trial | None:
    """Return the best trial of a study by validation, and say what it was and what became of the others."""
    scores = {trial.number: _score([store.find(directory, run) for run in trial.runs]) for trial in each.trials}
    ranked = {number: score for number, score in scores.items() if math.isfinite(score)}
    n_lost = len(scores) - len(ranked)
    lost = f"; {n_lost} of {len(scores)} trials without a score" if n_lost else ""
    if not ranked:
        say(f"study {each.label}: none of {len(scores)} trials has a score; there is nothing to confirm")
        return None
    metric = METRICS[str(each.command.task["metric"])]
    winner = (min if metric.direction == "minimise" else max)(ranked, key=lambda number: ranked[number])
    best = each.trials[winner]
    found = f"{_shown(best.params)}, validation {metric.label} {ranked[winner]:.4g}"
    say(f"study {each.label}: best of {len(scores)} trials: {found}{lost}")
    for path in _at_edge(each.space, best.params):
        say(f"study {each.label}: {path} of the best trial is at the edge of its space; the best may lie beyond")
    return best


def _shown(params: Mapping[str, Value]) -> str:
    return ", ".join(
        f"{path} {value:.4g}" if isinstance(value, float) else f"{path} {value}" for path, value in params.items()
    )


def _score(records: Sequence[RunRecord | None]) -> float:
    """Return the mean best validation score of a trial's Runs, nan where one of them is not done."""
    found = [
        record.outcome.scores["validation"][str(record.run.task["metric"])]
        for record in records
        if record is not None and record.outcome.status == "done"
    ]
    return statistics.fmean(found) if len(found) == len(records) else math.nan


def _at_edge(space: Space, params: Mapping[str, Value]) -> list[str]:
    return [path for path, dimension in space.items() if not dimension.choices and _is_at_edge(dimension, params[path])]


def _is_at_edge(dimension: Dimension, value: Value) -> bool:
    low, high = dimension.bounds
    place = float(value)
    if dimension.log:
        low, high, place = math.log(low), math.log(high), math.log(place)
    return not EDGE <= (place - low) / (high - low) <= 1 - EDGE
