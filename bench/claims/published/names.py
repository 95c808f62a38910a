"""The papers' names of the tasks, and the evaluation protocol here, from `names.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from bench.core.schema import build


@dataclass(frozen=True)
class TaskName:
    """A task and data set as the papers' rows name them, and the task's name here."""

    task: str
    dataset: str
    here: str


@dataclass(frozen=True)
class Names:
    """The content of `names.yaml`."""

    tasks: tuple[TaskName, ...]
    here: Mapping[str, Mapping[str, str]]


@cache
def names() -> Names:
    """Return the content of `names.yaml`, read once."""
    text = files("bench.claims.published").joinpath("names.yaml").read_text(encoding="utf-8")
    return build(Names, yaml.safe_load(text), "names.yaml")


@cache
def tasks() -> dict[tuple[str, str], str]:
    """Return the task here of each task and data set of the rows."""
    return {(name.task, name.dataset): name.here for name in names().tasks}
