"""What a study is: a command, the space searched in it, and the Runs of a trial."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from bench import results
from bench.core.cell_words import without_words
from bench.core.digest import digest_of
from bench.core.errors import ConfigError
from bench.core.metrics import METRICS, Metric
from bench.core.schema import convert, fields_of
from bench.core.seeds import SEEDS, stream
from bench.core.settings import CmaEs, Command, NoPruner, QuasiRandom, RandomSearch, WilcoxonPruner
from bench.core.settings.added_later import without_later
from bench.core.settings.search_space import Space, Value, space_of
from bench.results.run import DESCRIPTIVE, Run, RunRecord, slug
from bench.results.study import FIRST_FRESH_SEED, StudyRecord, TrialRecord
from bench.sweep.resolve import SizedTasks, run_of

SHARED = ("hidden_size", "num_layers", "embedding_size", "size", "init", "optim", "train", "kernel", "device")
"""Settings that all trials of a study share, except those that are searched."""


@dataclass(frozen=True)
class Definition:
    """The tuning of one cell on one task at one size, before its first trial; `replication` is as in StudyRecord."""

    command: Command
    space: Space
    replication: int = 0

    @property
    def label(self) -> str:
        """Task, cell and size, as they are shown; no size where it is searched or solved for."""
        command = self.command
        is_open = command.hidden_size is None or "hidden_size" in self.space
        size = "" if is_open else f" h={command.hidden_size}"
        layers = f" x{command.num_layers}" if command.num_layers > 1 and "num_layers" not in self.space else ""
        replication = f" replication {self.replication}" if self.replication else ""
        return f"{command.task['name']} {command.cell['name']}{size}{layers}{replication}"

    @property
    def metric(self) -> Metric:
        """The metric that trials are compared by."""
        return METRICS[str(self.command.task["metric"])]

    @cached_property
    def n_steps(self) -> int:
        """Largest number of evaluations of a Run, 0 if it is not known before training."""
        train = self.command.train
        if train.evaluate_every:
            return train.max_updates // train.evaluate_every
        return train.max_epochs

    @cached_property
    def record(self) -> StudyRecord:
        """The study without a trial."""
        command, tune = self.command, self.command.tune
        node = {name: getattr(command, name) for name in SHARED}
        settings = {name: vars(value) if dataclasses.is_dataclass(value) else value for name, value in node.items()}
        parts: dict[str, Any] = {
            "task": str(command.task["name"]),
            "cell": str(command.cell["name"]),
            "metric": self.metric.name,
            "sampler": dataclasses.asdict(tune.resolved_sampler),
            "pruner": dataclasses.asdict(tune.pruner),
            "seed": tune.seed,
            "seeds_per_trial": tune.seeds_per_trial,
            "settings": settings,
        }
        task = {name: value for name, value in command.task.items() if name not in DESCRIPTIVE}
        space = {path: dataclasses.asdict(dimension) for path, dimension in self.space.items()}
        about = without_later({"task": task, "cell": without_words(command.cell)})
        whole = {**parts, "settings": without_later(settings), **about, "space": space}
        once = digest_of(whole)[:16]
        is_one = self.replication == 0
        return StudyRecord(
            key=once if is_one else digest_of({**whole, "replication": self.replication})[:16],
            label=self.label,
            space=self.space,
            n_trials=tune.n_trials,
            replication=self.replication,
            search="" if is_one else once,
            **parts,
        )

    @property
    def search_seed(self) -> int:
        """Seed of the draws: the same for every cell, another one for each replication."""
        seed = self.command.tune.seed
        return stream("replication", seed=seed, replication=self.replication) % SEEDS if self.replication else seed

    @property
    def family(self) -> str:
        """What the studies share whose spaces are widened together: all but the cell, its size and the replication."""
        record = self.record
        shared = {
            "task": {name: value for name, value in self.command.task.items() if name not in DESCRIPTIVE},
            "settings": {name: value for name, value in record.settings.items() if name != "hidden_size"},
            "space": {path: dataclasses.asdict(dimension) for path, dimension in self.space.items()},
            "search": [record.sampler, record.seed, record.seeds_per_trial, record.n_trials],
        }
        return digest_of(shared)

    @property
    def folder_name(self) -> str:
        """Directory name: readable, ASCII, unique by its key."""
        return f"{slug(self.record.task)}-{slug(self.record.cell)}-{self.record.key}"

    def runs_of(self, params: Mapping[str, Value], tasks: SizedTasks) -> list[Run]:
        """Return the Runs of a trial, one for each seed. Raises ConfigError where they cannot be trained."""
        chosen, tune = with_params(self.command, params), self.command.tune
        first = tune.seed + max(self.replication - 1, 0) * tune.seeds_per_trial
        return [run_of(replace(chosen, seed=first + i), tasks) for i in range(tune.seeds_per_trial)]

    def confirmation(self, params: Mapping[str, Value], tasks: SizedTasks) -> list[Run]:
        """Return the Runs that confirm a trial, on seeds that no trial has seen, the same for every cell."""
        chosen, tune = replace(with_params(self.command, params), phase="confirm"), self.command.tune
        first = tune.seed + FIRST_FRESH_SEED + max(self.replication - 1, 0)
        n_seeds = 1 if self.replication else tune.confirm_seeds
        return [run_of(replace(chosen, seed=first + i), tasks) for i in range(n_seeds)]


def definitions(commands: Sequence[Command]) -> list[Definition]:
    """Return the studies of each command, one for each replication, checked as far as they can be before a trial.

    Raises ConfigError.
    """
    found = [definition for command in commands for definition in _replications(_definition(command))]
    if len({definition.command.tune.pruner for definition in found}) > 1:
        raise ConfigError("tune.pruner", "must be the same for all studies of a command, for they share their runs")
    for definition in found:
        _check(definition)
    return list({definition.record.key: definition for definition in found}.values())


def with_params(command: Command, params: Mapping[str, Value]) -> Command:
    """Return a command with these values of searched settings. Raises ConfigError for an unknown setting."""
    for path, value in params.items():
        command = _with(command, path.split("."), value, f"space.{path}")
    return command


def value_at(node: Any, path: str) -> Any:
    """Return the setting at a path such as `optim.lr` of a command or a Run."""
    for name in path.split("."):
        node = node[name] if isinstance(node, Mapping) else getattr(node, name)
    return node


def _definition(command: Command) -> Definition:
    space = space_of(command.space)
    if not space:
        n_trials = command.tune.n_trials
        raise ConfigError("space", f"is empty with tune.n_trials={n_trials}; `space=lr` searches the learning rate")
    return Definition(replace(command, phase="tune"), space)


def _replications(definition: Definition) -> list[Definition]:
    n = definition.command.tune.replications
    return [replace(definition, replication=i) for i in range(1, n + 1)] if n > 1 else [definition]


def _check(definition: Definition) -> None:
    """Refuse a space with a setting that does not exist, or with a value that is never legal."""
    for path, dimension in definition.space.items():
        for value in dimension.choices or dimension.bounds:
            whole = int(value) if dimension.whole and not dimension.choices else value
            with_params(definition.command, {path: whole})
    tune = definition.command.tune
    n_numbers = sum(not dimension.choices for dimension in definition.space.values())
    if isinstance(tune.sampler, CmaEs) and n_numbers < 2:
        raise ConfigError("tune.sampler", f"cmaes needs two numbers to search or more, got {n_numbers}")
    if tune.replications * tune.seeds_per_trial > FIRST_FRESH_SEED:
        raise ConfigError("tune.replications", f"times tune.seeds_per_trial is at most {FIRST_FRESH_SEED}")
    if isinstance(tune.pruner, WilcoxonPruner) and tune.seeds_per_trial < 2:
        raise ConfigError("tune.pruner", "wilcoxon compares seeds and needs tune.seeds_per_trial above 1")
    if tune.extend and not isinstance(tune.resolved_sampler, (RandomSearch, QuasiRandom)):
        raise ConfigError(
            "tune.extend",
            f"needs trials that depend on no score, of tune/sampler=auto, random or qmc, got {tune.sampler.name}",
        )
    if tune.extend and not isinstance(tune.pruner, NoPruner):
        raise ConfigError("tune.extend", f"needs trials trained to their end, tune/pruner=none, got {tune.pruner.name}")


def _with(node: Any, keys: Sequence[str], value: Value, where: str) -> Any:
    """Return a copy of nested settings with one of them replaced."""
    name, *rest = keys
    if isinstance(node, Mapping):
        if name not in node:
            raise ConfigError(where, "is no setting that can be searched")
        return {**node, name: _with(node[name], rest, value, where) if rest else value}
    legal = fields_of(type(node))
    if name not in legal:
        raise ConfigError(where, "is no setting that can be searched")
    changed = _with(getattr(node, name), rest, value, where) if rest else convert(legal[name], value, where)
    return replace(node, **{name: changed})


def recovered(definition: Definition, directory: Path, tasks: SizedTasks) -> StudyRecord:
    """Return a study with the trials that have a record, in the order in which they were started."""
    trials: dict[tuple[str, ...], TrialRecord] = {}
    for params, keys in _recorded_trials(definition, directory, tasks):
        trials.setdefault(keys, TrialRecord(len(trials), params, keys, len(trials)))
    return replace(definition.record, trials=tuple(trials.values()), finished=tuple(range(len(trials))))


def _recorded_trials(
    definition: Definition, directory: Path, tasks: SizedTasks
) -> Iterator[tuple[dict[str, Value], tuple[str, ...]]]:
    records = results.read(directory, curves=False).records
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
