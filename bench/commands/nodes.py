"""The YAML nodes of tasks and cells, shipped or in the working directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.config import options
from bench.errors import ConfigError, did_you_mean
from bench.shipped import conf_dir, load, nodes

__all__ = ["node", "nodes"]


def node(group: str, name: str) -> Mapping[str, Any]:
    """Return one YAML of a group. Raises ConfigError for a name that has none."""
    folders = (conf_dir(), Path.cwd())
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            return load(path)
    raise ConfigError(group, f"unknown choice `{name}`; {did_you_mean(name, options(group, folders))}")
