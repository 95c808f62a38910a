"""Names of a report's parts: how a group is labelled, and which file names a task may have."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import pandas as pd

from bench.records import slug
from bench.report.ink import Inks
from bench.report.wording import plain
from bench.sealing import digest_of


def size_label(hidden_size: int, num_layers: int) -> str:
    """Return the shape of a group: hidden size by layers."""
    return f"{hidden_size} × {num_layers}"


def group_label(row: pd.Series, looks: Inks) -> str:
    """Return what tells a group from the others of its task: cell, shape, and settings where they differ."""
    shape = size_label(row["hidden_size"], row["num_layers"])
    return f"{looks[row['cell']].name} {shape} {short_settings(row)}".rstrip()


def short_settings(row: pd.Series) -> str:
    """Return the settings that tell a group apart, for a label: each by the last part of its name."""
    return plain(re.sub(r"[\w.]+\.(?=\w+=)", "", row["settings"]), 44)


def budget_label(row: pd.Series) -> str:
    """Return the budget that the hidden size of a group is for, "" where there is none."""
    budget, unit = row["size_budget"], plain(row["unit"], 20) or "unit"
    if row["size_mode"] == "hidden" or math.isnan(budget):
        return ""
    if row["size_mode"] == "seconds":
        return f"{budget:g} µs of training per {unit}"
    where = "in the recurrent layers" if row["size_count"] == "recurrent" else "in all"
    what = "parameters" if row["size_mode"] == "params" else f"floating-point operations per {unit}"
    return f"{budget:,.0f} {what} {where}"


def file_stem(task: Sequence[object]) -> str:
    """Return a file name for a task (name, version, data) that no other task has, whatever its name."""
    name, version, data = map(str, task)
    return f"{slug(name)}-{digest_of([name, version, data])[:6]}"
