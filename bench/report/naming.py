"""Names of a report's parts: how a group is labelled, and which file names a task may have."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from bench.records import digest_of, slug
from bench.report.ink import Inks
from bench.report.wording import plain


def size_label(hidden_size: int, num_layers: int) -> str:
    """Return the shape of a group: hidden size by layers."""
    return f"{hidden_size} × {num_layers}"


def group_label(row: pd.Series, looks: Inks) -> str:
    """Return what tells a group from the others of its task: cell, shape, and settings where they differ."""
    settings = f" {plain(row['settings'], 44)}" if row["settings"] else ""
    return f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}{settings}"


def file_stem(task: Sequence[object]) -> str:
    """Return a file name for a task (name, version, data) that no other task has, whatever its name."""
    name, version, data = map(str, task)
    return f"{slug(name)}-{digest_of([name, version, data])[:6]}"
