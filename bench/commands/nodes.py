"""The YAML nodes of tasks and cells, shipped or in the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.config import conf_dir, options
from bench.errors import ConfigError, did_you_mean
from bench.guard import guard


def nodes(group: str) -> list[Mapping[str, Any]]:
    """Return every YAML of a group, in the order of their names; a shipped one stands before one of the user's."""
    paths = {path.stem: path for folder in (Path.cwd(), conf_dir()) for path in sorted((folder / group).glob("*.yaml"))}
    return [_load(paths[name]) for name in sorted(paths)]


def node(group: str, name: str) -> Mapping[str, Any]:
    """Return one YAML of a group. Raises ConfigError for a name that has none."""
    folders = (conf_dir(), Path.cwd())
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            return _load(path)
    raise ConfigError(group, f"unknown choice `{name}`; {did_you_mean(name, options(group, folders))}")


def _load(path: Path) -> Mapping[str, Any]:
    guard(path, is_data=True)
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(node, Mapping):
        raise ConfigError(str(path), "must be a mapping")
    return {"name": path.stem, **node}
