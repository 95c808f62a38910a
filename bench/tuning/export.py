"""Export: what tuning has found, as config files that run: `--config-dir results/NAME +tuned=TASK-CELL`."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench import store
from bench.publish import say
from bench.records import slug
from bench.trials import TrialRecord, shown
from bench.tuning.definition import SHARED, Definition, with_params

FOLDER = "tuned"
"""Config group of the files, and their folder in a results directory."""


def export(winners: Sequence[tuple[Definition, TrialRecord]], directory: Path) -> None:
    """Write one file for each study, and say how it is used. Raises StorageError."""
    names = [f"{slug(definition.record.task)}-{slug(definition.record.cell)}" for definition, _ in winners]
    often = {name for name, n in Counter(names).items() if n > 1}
    for name, (definition, best) in zip(names, winners, strict=True):
        stem = f"{name}-{definition.record.key}" if name in often else name
        folder = store.make_folder(directory, FOLDER)
        store.write_whole(folder / f"{stem}.yaml", _text(definition, best, stem, directory))
    if winners:
        say(f"tuned settings: python -m bench --config-dir {directory} +{FOLDER}={names[0]}")


def _text(definition: Definition, best: TrialRecord, stem: str, directory: Path) -> str:
    command = with_params(definition.command, best.params)
    settings = {name: _plain(getattr(command, name)) for name in SHARED}
    choices = [{f"override /{group}": name} for group, name in _choices(definition)]
    if command.size.mode != "hidden":
        del settings["hidden_size"]
    lines = (
        "# @package _global_",
        f"# The best of {len(definition.record.trials) or definition.record.n_trials} trials: {shown(best.params)}.",
        f"# Command: python -m bench --config-dir {directory} +{FOLDER}={stem}",
    )
    node = {"defaults": choices, **settings, "cell": _plain(command.cell)}
    return "\n".join(lines) + "\n" + yaml.safe_dump(node, sort_keys=False, allow_unicode=True)


def _choices(definition: Definition) -> list[tuple[str, str]]:
    command = definition.command
    return [("task", str(command.task["name"])), ("cell", str(command.cell["name"])), ("size", command.size.mode)]


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return dict(value) if isinstance(value, Mapping) else value
