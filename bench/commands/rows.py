"""Rows for a person or for a program."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.report.wording import rounded


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
