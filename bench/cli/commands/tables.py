"""Rows as a table or as JSON."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli.config import options
from bench.core.errors import ConfigError, did_you_mean
from bench.core.wording import rounded
from bench.core.yaml_files import conf_dir, load


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of a command that lists something."""
    parser.add_argument("--json", action="store_true", help="print JSON rows on stdout")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def show(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> int:
    """Print rows as a table of some columns, or all of each row as JSON; return the exit status 0."""
    print(json.dumps(rounded(rows), indent=1, default=str) if as_json else table(rows, columns))
    return 0


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Return rows as a table of some columns."""
    from tabulate import tabulate

    cells = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    return tabulate(cells, headers=list(columns), tablefmt="simple", intfmt=",", disable_numparse=True)


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def node(group: str, name: str) -> Mapping[str, Any]:
    """Return one YAML of a group. Raises ConfigError for a name that has none."""
    folders = (conf_dir(), Path.cwd())
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            return load(path)
    raise ConfigError(group, f"unknown choice `{name}`; {did_you_mean(name, options(group, folders))}")
