"""How a report was made: what was constant, what varied, with which software, on which machine."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import pandas as pd

from bench.core.endings import RUN_STATUSES
from bench.core.wording import plain, quantity
from bench.report.section import Entry, Section, Table
from bench.results.groups import settings_of
from bench.results.labels import CellStyles, size_label
from bench.results.run import RunRecord

MOST_VALUES = 12

SAID_ELSEWHERE = ("task.", "cell.name")

ORIGIN = ("cpu", "device", "threads", "platform", "versions", "git_commit")
HEADERS = ("Setting", "Value")

RESUMED = {
    ", bit-identical": "went on from a checkpoint of this machine, to the same bits",
    "not bit-identical": "went on from a checkpoint of another machine or build, with other bits than in one piece",
    "set aside": "found a damaged checkpoint, which was set aside",
}
"""What to say of Runs whose provenance has these words."""


Values = Mapping[str, Mapping[str, Sequence[str]]]
"""Setting to cell to the values it took, in their natural order."""


def settings_values(records: Sequence[RunRecord]) -> Values:
    """Return the values of each setting for each cell; the content of the task's YAML is represented by its version."""
    values: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for record in records:
        run = record.run
        settings = {name: value for name, value in settings_of(run).items() if not name.startswith(SAID_ELSEWHERE)}
        settings["task"] = f"{run.task_name} (version {run.task.get('version')})"
        settings["seed"] = str(run.seed)
        for name, value in settings.items():
            values[name][run.cell_name].add(value)
    return {
        name: {cell: sorted(found, key=_natural) for cell, found in sorted(by_cell.items())}
        for name, by_cell in sorted(values.items())
    }


def varied(values: Values, looks: CellStyles) -> Section:
    """Return the settings that took more than one value, by cell where the cells differ."""
    heading = "What varied"
    rows = [(name, _by_cell(by_cell, looks)) for name, by_cell in values.items() if len(_union(by_cell)) > 1]
    if not rows:
        return Section(heading, ("Nothing: all runs had the same settings.",))
    text = "Settings that took more than one value over the runs of the summary; tuning runs are not listed here."
    return Section(heading, (text,), _table(rows, "Where the cells do not share the same values, each has its own."))


def constant(values: Values) -> Section:
    """Return the settings that were the same in every Run."""
    heading = "What was constant"
    rows = [(name, _shown(_union(by_cell))) for name, by_cell in values.items() if len(_union(by_cell)) == 1]
    if not rows:
        return Section(heading, ("There are no runs.",))
    text = "Settings that had this one value in every run of the summary that has them."
    return Section(heading, (text,), _table(rows, f"{quantity(len(rows), 'setting')}."))


def origin(runs: pd.DataFrame) -> Section:
    """Return where the Runs were made."""
    heading = "Machine and software"
    if runs.empty:
        return Section(heading, ("There are no runs.",))
    rows = [(name, _shown(sorted({str(value) for value in runs[name]}, key=_natural))) for name in ORIGIN]
    first, last = runs["started"].min(), runs["started"].max()
    dirty = int(runs["git_dirty"].sum())
    text = [f"First run started {plain(first, 40)}, last run {plain(last, 40)}."]
    if dirty:
        text.append(f"{quantity(dirty, 'run')} came from a working tree with changes not committed.")
    for words, what in RESUMED.items():
        if n := int(runs["resumed"].str.contains(words, regex=False).sum()):
            text.append(f"{quantity(n, 'run')} {what}.")
    return Section(heading, tuple(text), _table(rows, f"Over {quantity(len(runs), 'run')}."))


def _table(rows: Sequence[tuple[str, str]], caption: str) -> Table:
    return Table(HEADERS, tuple((Entry(name), Entry(value)) for name, value in rows), caption)


def _union(by_cell: Mapping[str, Sequence[str]]) -> list[str]:
    return sorted({value for found in by_cell.values() for value in found}, key=_natural)


def _by_cell(by_cell: Mapping[str, Sequence[str]], looks: CellStyles) -> str:
    if len({tuple(found) for found in by_cell.values()}) == 1:
        return _shown(_union(by_cell))
    return "; ".join(f"{looks[cell].name}: {_shown(by_cell[cell])}" for cell in looks if cell in by_cell)


def _shown(values: Sequence[str]) -> str:
    if _is_range(values):
        return f"{values[0]} to {values[-1]}"
    more = f" and {len(values) - MOST_VALUES} more" if len(values) > MOST_VALUES else ""
    return ", ".join(plain(value) or '""' for value in values[:MOST_VALUES]) + more


def _is_range(values: Sequence[str]) -> bool:
    whole = all(value.isdecimal() for value in values)
    return whole and len(values) > 2 and int(values[-1]) - int(values[0]) == len(values) - 1


def _natural(value: str) -> tuple[bool, float, str]:
    try:
        return False, float(value), value
    except ValueError:
        return True, 0.0, value


MOST_ROWS = 60


ENDING_HEADERS = ("Task", "Cell", "Hidden × layers", "Seed", "Phase", "Status", "Reason", "Updates", "Run")


def endings(runs: pd.DataFrame, looks: CellStyles) -> Section:
    """Return the section on failed, diverged and pruned runs, which never enter a mean."""
    heading = "Failed and diverged runs"
    unfinished = runs[runs["status"] != "done"]
    if unfinished.empty:
        return Section(heading, ("None: every run finished.",))
    unfinished = unfinished.sort_values(["status", "task", "cell", "hidden_size", "seed", "key"])
    shown = unfinished.head(MOST_ROWS)
    rows = tuple(_ending(row, looks) for _, row in shown.iterrows())
    counts = [f"{(unfinished['status'] == status).sum()} {status}" for status in RUN_STATUSES if status != "done"]
    text = f"{quantity(len(unfinished), 'run')} of {len(runs):,}: {', '.join(c for c in counts if c[0] != '0')}."
    more = f" The other {len(unfinished) - MOST_ROWS:,} are in runs.csv." if len(unfinished) > MOST_ROWS else ""
    caption = f"{quantity(len(shown), 'run')}, one per row; none of them enters a mean or a figure.{more}"
    return Section(heading, (text,), Table(ENDING_HEADERS, rows, caption))


def _ending(row: pd.Series, looks: CellStyles) -> tuple[Entry, ...]:
    return (
        Entry(plain(row["task_label"], 80)),
        Entry(looks[row["cell"]].name),
        Entry(size_label(row["hidden_size"], row["num_layers"]), row["hidden_size"]),
        Entry(str(row["seed"]), row["seed"]),
        Entry(row["phase"]),
        Entry(row["status"]),
        Entry(plain(row["reason"])),
        Entry(str(row["n_updates"]), row["n_updates"]),
        Entry(row["key"][:8]),
    )
