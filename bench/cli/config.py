"""From a composed Hydra config to a Command: the only way from YAML and command line into the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import build, convert, fields_of
from bench.core.settings import (
    SIZE_BUDGETS,
    Command,
    InitSettings,
    Limits,
    OptimSettings,
    Pruner,
    RaySettings,
    SamplerChoice,
    SizeSettings,
    SlurmSettings,
    TrainSettings,
    TuneSettings,
)
from bench.core.yaml_files import check_yaml, guard_settings, load
from bench.core.yaml_files import conf_dir as conf_dir

T = TypeVar("T")

GROUPS = ("task", "cell", "size", "space", "experiments", "tune/sampler", "tune/pruner", "tuned")
OF_SETTINGS = ("experiments", "tuned")
"""Groups whose files set keys of ours; those of all others describe one thing."""
CHOICES = {"tune.sampler": SamplerChoice, "tune.pruner": Pruner}
"""Sections of several kinds, each a choice of the config group of that name."""
SECTIONS: dict[str, type] = {"init": InitSettings, "optim": OptimSettings, "train": TrainSettings}
SITE_SECTIONS: dict[str, type] = {"limits": Limits, "slurm": SlurmSettings, "ray": RaySettings}
"""Sections about where and how Runs are trained, which change no result."""
TASK_MAY_SET = (*SECTIONS, "hidden_size", "num_layers", "embedding_size")
DEFAULT_HIDDEN_SIZE = 64


def command_of(node: Mapping[str, Any]) -> Command:
    """Turn a composed config into a Command. Raises ConfigError.

    A setting left at null takes the task's own, and otherwise the default in `bench/core/settings`.
    """
    from bench.cells import recorded

    task, cell = _section(node, "task"), _section(node, "cell")
    own = _task_settings(task)
    values: dict[str, Any] = {key: value for key, value in node.items() if value is not None}
    for name in ("hidden_size", "num_layers", "embedding_size"):
        if name in own:
            values.setdefault(name, own[name])
    values |= {name: _filled(kind, node, own, name) for name, kind in SECTIONS.items()}
    values["cell"] = recorded(cell)
    values["size"] = build(SizeSettings, _section(node, "size"), "size")
    if values["size"].mode == "hidden":
        values.setdefault("hidden_size", DEFAULT_HIDDEN_SIZE)
    elif node.get("hidden_size") is None:
        values.pop("hidden_size", None)
    command = _built(values)
    if command.space and not command.tune.n_trials:
        raise ConfigError("space", "is searched only with tune.n_trials above 0")
    _check_task(task)
    _check_together(command)
    return command


def command_of_task(task: Mapping[str, Any]) -> Command:
    """Return the Command of a task alone, all else left open, so that its own settings hold. Raises ConfigError."""
    cell = load(conf_dir() / "cell" / "gru.yaml")
    return command_of({"task": task, "cell": cell, "size": {}, **{name: {} for name in SECTIONS}})


def check_tasks(commands: Iterable[Command]) -> None:
    """Refuse points whose tasks differ but have the same name. Raises ConfigError."""
    seen: dict[str, Mapping[str, Any]] = {}
    for command in commands:
        task = {key: value for key, value in command.task.items() if key != "settings"}
        other = seen.setdefault(task["name"], task)
        if other is not task and other != task:
            (key, *_) = sorted(key for key in {*task, *other} if task.get(key) != other.get(key))
            raise ConfigError("task.name", f"two tasks of one sweep are called `{task['name']}`, and differ in `{key}`")


def legal_keys() -> set[str]:
    """Return every key that an override may name."""
    from bench.tasks.spec import SPECS

    keys = {*fields_of(Command), *GROUPS}
    for name, kind in {**SECTIONS, **SITE_SECTIONS, "size": SizeSettings, "tune": TuneSettings}.items():
        keys |= {f"{name}.{key}" for key in fields_of(kind)}
    for name, kinds in CHOICES.items():
        keys |= {f"{name}.{key}" for kind in get_args(kinds) for key in fields_of(kind)}
    keys |= {f"task.{key}" for spec in SPECS.values() for key in fields_of(spec)}
    return keys


def adding(override: str) -> str:
    """Return an override as one that adds its key, if that is a field that a task's YAML may leave out.

    Hydra refuses any other where the YAML does.
    """
    from bench.tasks.spec import SPECS

    field = override.split("=", 1)[0].removeprefix("task.")
    is_optional = any(
        each.name == field and each.default is not dataclasses.MISSING
        for spec in SPECS.values()
        for each in dataclasses.fields(spec)
    )
    return f"++{override}" if is_optional and override.startswith("task.") else override


def options(group: str, folders: Iterable[Path]) -> set[str]:
    """Return the choices of a config group in the given folders."""
    return {path.stem for folder in folders for path in (folder / group).glob("*.yaml")}


def check_from_outside(path: Path, group: str) -> None:
    """Refuse a config file of a folder that is not the program's own, unless it is data. Raises ConfigError."""
    if group not in GROUPS:
        raise ConfigError(str(path), f"a file from outside must be in a folder named {', '.join(GROUPS)}")
    if group in OF_SETTINGS:
        guard_settings(path, keys=fields_of(Command), groups=GROUPS)
    elif group == "task":
        load(path)
    else:
        check_yaml(path)


def _built(values: Mapping[str, Any]) -> Command:
    done = {name: values[name] for name in ("task", "cell", "size", *SECTIONS)}
    plain = {key: value for key, value in values.items() if key not in done}
    legal = fields_of(Command)
    for key in plain:
        if key not in legal:
            raise ConfigError(key, f"unknown key; {did_you_mean(key, legal)}")
    return Command(**done, **{key: convert(legal[key], value, key) for key, value in plain.items()})


def _filled(kind: type[T], node: Mapping[str, Any], own: Mapping[str, Any], name: str) -> T:
    """Return a section with the command's values over the task's over the defaults."""
    given = {key: value for key, value in _section(node, name).items() if value is not None}
    return build(kind, {**own.get(name, {}), **given}, name)


def _task_settings(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what the task sets by itself, checked."""
    where = f"task.{task.get('name')}.settings"
    own = task.get("settings") or {}
    if not isinstance(own, Mapping):
        raise ConfigError(where, f"must be a mapping, got {own!r}")
    for key in own:
        if key not in TASK_MAY_SET:
            raise ConfigError(f"{where}.{key}", f"unknown key; {did_you_mean(str(key), TASK_MAY_SET)}")
    for name, value in own.items():
        kind = SECTIONS.get(name) or fields_of(Command)[name]
        convert(kind, value, f"{where}.{name}")
    return own


def _section(node: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = node.get(name)
    if not isinstance(section, Mapping):
        raise ConfigError(name, f"must be a mapping, got {section!r}")
    return section


def _check_task(task: Mapping[str, Any]) -> None:
    from bench.tasks.spec import task_spec

    task_spec(task, "task")


def _check_together(command: Command) -> None:
    """Refuse settings that would have no effect or never end."""
    train, optim = command.train, command.optim
    if command.scale not in command.let and command.scale != "full":
        raise ConfigError("scale", f"`{command.scale}` is for experiments that have `let.{command.scale}`")
    if not (train.max_epochs or train.max_updates or train.max_seconds):
        raise ConfigError("train", "needs a budget: one of max_epochs, max_updates, max_seconds above 0")
    if train.dropout and command.num_layers < 2:
        raise ConfigError("train.dropout", "acts between layers and needs num_layers >= 2; see train.output_dropout")
    if optim.nesterov and not (optim.name == "sgd" and optim.momentum):
        raise ConfigError("optim.nesterov", "needs optim.name=sgd and optim.momentum above 0")
    if optim.momentum and optim.name in ("adam", "adamw"):
        raise ConfigError("optim.momentum", f"is not used by {optim.name}; see optim.beta1")
    if optim.momentum_scales_lr and optim.name in ("adam", "adamw"):
        raise ConfigError("optim.momentum_scales_lr", f"needs optim.name=sgd or rmsprop; {optim.name} has no momentum")
    if optim.name != "rmsprop" and (optim.eps_rule != "add" or optim.clip_velocity):
        name = "eps_rule" if optim.eps_rule != "add" else "clip_velocity"
        raise ConfigError(f"optim.{name}", f"is a rule of optim.name=rmsprop, got {optim.name}")
    if train.noisy_validation and not train.weight_noise:
        raise ConfigError("train.noisy_validation", "needs train.weight_noise above 0")
    for mode, name in SIZE_BUDGETS.items():
        if mode != command.size.mode and getattr(command.size, name) is not None:
            raise ConfigError(f"size.{name}", f"is the budget of `size={mode}`, and this is `size={command.size.mode}`")
