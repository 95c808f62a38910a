"""How a report was made: what was constant, what varied, with which software, on which machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from bench.records import RunRecord
from bench.report.groups import settings_of
from bench.report.section import Entry, Section, Table
from bench.report.wording import plain, quantity

MOST_VALUES = 12

ORIGIN = ("cpu", "device", "threads", "platform", "versions", "git_commit")

HEADERS = ("Setting", "Value")


def settings_values(records: Sequence[RunRecord]) -> dict[str, list[str]]:
    """Map each setting to the values it took over all Runs, the parts of the task's YAML left to its version."""
    values: dict[str, set[str]] = {"task": set(), "seed": set()}
    for record in records:
        values["task"].add(f"{record.run.task_name} (version {record.run.task.get('version')})")
        values["seed"].add(str(record.run.seed))
        for name, value in settings_of(record.run).items():
            if not name.startswith("task."):
                values.setdefault(name, set()).add(value)
    return {name: sorted(found, key=_natural) for name, found in sorted(values.items())}


def varied(values: Mapping[str, Sequence[str]]) -> Section:
    """Return the settings that took more than one value."""
    rows = [(name, found) for name, found in values.items() if len(found) > 1]
    if not rows:
        return Section("What varied", ("Nothing: all runs had the same settings.",))
    text = "Settings that took more than one value over the runs of this report."
    return Section("What varied", (text,), _table(rows, "Values over all runs, tuning included."))


def constant(values: Mapping[str, Sequence[str]]) -> Section:
    """Return the settings that were the same in every Run."""
    rows = [(name, found) for name, found in values.items() if len(found) == 1]
    if not rows:
        return Section("What was constant", ("There are no runs.",))
    text = "Settings that had this one value in every run of this report."
    return Section("What was constant", (text,), _table(rows, f"{quantity(len(rows), 'setting')}."))


def origin(runs: pd.DataFrame) -> Section:
    """Return where the Runs were made."""
    heading = "Machine and software"
    if runs.empty:
        return Section(heading, ("There are no runs.",))
    rows = [(name, sorted({str(value) for value in runs[name]}, key=_natural)) for name in ORIGIN]
    first, last = runs["started"].min(), runs["started"].max()
    dirty = int(runs["git_dirty"].sum())
    text = [f"First run started {plain(first, 40)}, last run {plain(last, 40)}."]
    text += [f"{quantity(dirty, 'run')} came from a working tree with changes not committed."] * bool(dirty)
    return Section(heading, tuple(text), _table(rows, f"Over {quantity(len(runs), 'run')}."))


def _table(rows: Sequence[tuple[str, Sequence[str]]], caption: str) -> Table:
    return Table(HEADERS, tuple((Entry(name), Entry(_shown(found))) for name, found in rows), caption)


def _shown(values: Sequence[str]) -> str:
    if _is_range(values):
        return f"{values[0]} to {values[-1]}"
    more = f" and {len(values) - MOST_VALUES} more" * (len(values) > MOST_VALUES)
    return ", ".join(plain(value) or '""' for value in values[:MOST_VALUES]) + more


def _is_range(values: Sequence[str]) -> bool:
    whole = all(value.isdecimal() for value in values)
    return whole and len(values) > 2 and int(values[-1]) - int(values[0]) == len(values) - 1


def _natural(value: str) -> tuple[bool, float, str]:
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value
