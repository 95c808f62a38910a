"""Where the configs are that come with the program, and how one of them, or one of the user's, is read as data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.errors import ConfigError
from bench.guard import guard


def conf_dir() -> Path:
    """Return the folder of the shipped configs: inside an installed package, beside the package in a checkout."""
    here = Path(__file__).resolve().parent
    return here / "conf" if (here / "conf").is_dir() else here.parent / "conf"


def nodes(group: str) -> list[Mapping[str, Any]]:
    """Return every YAML of a group, in the order of their names; a shipped one stands before one of the user's."""
    return [load(path) for path in paths(group).values()]


def paths(group: str) -> dict[str, Path]:
    """Return the files of a group by name, those of the working directory included."""
    found = {path.stem: path for folder in (Path.cwd(), conf_dir()) for path in (folder / group).glob("*.yaml")}
    return {name: found[name] for name in sorted(found)}


def load(path: Path) -> Mapping[str, Any]:
    """Return what a YAML file describes, named after the file. Raises ConfigError, also for a task of another name.

    A task's results are found by its name: two files of one name would be taken for one task.
    """
    guard(path)
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(node, Mapping):
        raise ConfigError(str(path), "must be a mapping")
    if path.parent.name == "task" and node.get("name", path.stem) != path.stem:
        raise ConfigError(f"{path}: name", f"must be that of its file, {path.stem}, got {node['name']}")
    return {"name": path.stem, **node}
