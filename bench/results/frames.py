"""Tidy frames from run records: one row per Run, and one row per point of a learning curve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import pandas as pd

from bench.core.settings.search_space import Value
from bench.results.columns import CURVE_COLUMNS, RUN_COLUMNS, curve_columns, run_columns
from bench.results.groups import Settings, data_names, differing, settings_of
from bench.results.run import RunRecord

TASK = ["task", "task_version", "data"]
"""Columns that name a task: numbers of another version or of other data are never averaged with these."""

SIZE = ["hidden_size", "num_layers"]

SHAPE = ["cell", *SIZE]

SIZED = [*SHAPE, "size_mode"]
"""Columns that name a shape and what it was chosen for."""

CONDITIONS = ["kernel", "cpu", "device", "threads"]
"""Two speeds may be compared when all of these are equal."""


def runs_frame(
    records: Sequence[RunRecord],
    searched: Collection[str] = (),
    chosen: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return one row per Run, in an order that does not depend on the order of the records.

    Units: scores in the task's metric, `peak_memory_mb` in 10**6 bytes, `units_per_second` in training units
    (`unit`) per second of forward, backward and update. `settings` are those in which groups of one shape differ; what
    studies have `searched` is a result and no condition, and told only where nothing else tells the groups apart.
    `chosen` has the settings of a Run that its replication of a search chose, by which no groups are told apart.
    `repeat` says what the Runs of a group differ in: "replication" for these, otherwise "seed".
    """
    data = data_names(records)
    settings = {each.key: _without(settings_of(each.run), chosen.get(each.key, ())) for each in records}
    rows = [run_columns(record, data[record.key], settings[record.key]) for record in records]
    runs = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    runs = runs.sort_values([*TASK, *SHAPE, "phase", "group", "seed", "key"], ignore_index=True)
    by_group = dict(zip(runs["group"], (settings[key] for key in runs["key"]), strict=True))
    runs["settings"] = _differing_settings(runs, by_group, searched)
    runs["repeat"] = ["replication" if key in chosen else "seed" for key in runs["key"]]
    runs["task_label"] = _task_labels(runs)
    return runs


def curves_frame(
    records: Sequence[RunRecord], chosen: Mapping[str, Collection[str]] = MappingProxyType({})
) -> pd.DataFrame:
    """Return one row per evaluation of each Run; `chosen` is as in `runs_frame`.

    Units: losses in the task's metric, `seconds` of training with evaluation excluded; `lr` is the learning rate then.
    """
    data = data_names(records)
    columns: dict[str, list[Value]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.key):
        settings = _without(settings_of(record.run), chosen.get(record.key, ()))
        for name, values in curve_columns(record, settings, data[record.key]).items():
            columns[name] += values
    return pd.DataFrame({name: columns[name] for name in CURVE_COLUMNS})


def _differing_settings(
    runs: pd.DataFrame, by_group: Mapping[str, Settings], searched: Collection[str]
) -> pd.Series[str]:
    texts: dict[str, str] = {}
    for _, rows in runs.groupby([*TASK, *SHAPE, "phase"]):
        groups = {group: by_group[group] for group in rows["group"].unique()}
        told = differing({group: _without(settings, searched) for group, settings in groups.items()})
        texts |= told if len(set(told.values())) == len(told) else differing(groups)
    return runs["group"].map(texts).astype(str)


def _without(settings: Settings, searched: Collection[str]) -> Settings:
    return {name: value for name, value in settings.items() if name not in searched}


def _task_labels(runs: pd.DataFrame) -> pd.Series[str]:
    tasks = runs[[*TASK, "title"]].drop_duplicates(TASK)
    labels: dict[tuple[str, ...], str] = {}
    for name, version, data, title in tasks.itertuples(index=False):
        siblings = tasks[tasks["task"] == name]
        parts = [
            (f"version {version}", siblings["task_version"].nunique() > 1),
            (f"data {data or 'unknown'}", siblings["data"].nunique() > 1),
            (name, (tasks["title"] == title).sum() > len(siblings)),
        ]
        told = ", ".join(part for part, is_needed in parts if is_needed)
        labels[name, version, data] = f"{title} ({told})" if told else str(title)
    return pd.Series([labels[row] for row in runs[TASK].itertuples(index=False, name=None)], runs.index, dtype=str)


def are_interleaved(sides: Sequence[pd.DataFrame]) -> bool:
    """Return whether at least half the runs of each side started while those of every other side did."""
    starts = [pd.to_datetime(side["started"], utc=True, errors="coerce").dropna() for side in sides]
    spans = [(times.min(), times.max()) for times in starts]
    return all(not times.empty and times.between(*span).mean() >= 1 / 2 for times in starts for span in spans)
