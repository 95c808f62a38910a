"""The frame of numbers in print beside ours: each next to the group of Runs that differs from it least."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from bench.published import Difference, Here, Number, comparable, differences, facts_of, here, numbers, protocols
from bench.records import RunRecord
from bench.report.groups import Settings, settings_of
from bench.report.summary import done, interval_of, reported
from bench.stats.intervals import ENOUGH, next_value

COLUMNS = (
    *("cell", "group", "hidden_size", "num_layers", "split", "metric", "mean", "low", "high", "n"),
    *("next_low", "next_high", "agrees"),
    *(
        "published",
        "printed",
        "paper",
        "table",
        "variant",
        "statistic",
        "confidence",
        "source",
        "comparable",
        "because",
    ),
)

SPLITS = ("test", "validation", "train")


def settings_by_group(records: Sequence[RunRecord], runs: pd.DataFrame) -> dict[str, Settings]:
    """Return the settings of each group of Runs, those of its first one: they are equal but for the seed."""
    by_key = {record.key: record for record in records}
    first = reported(runs).drop_duplicates("group")
    return {group: settings_of(by_key[key].run) for group, key in zip(first["group"], first["key"], strict=True)}


def of_task(runs: pd.DataFrame) -> list[Number]:
    """Return the numbers in print that are of the task of some Runs, in its metric."""
    name, metric = runs["task"].iloc[0], runs["metric"].iloc[0]
    return [number for number in numbers() if (number.here, number.score_metric) == (name, metric)]


def beside(table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings]) -> pd.DataFrame:
    """Return one row per number in print that has the task, the metric and the cell of some Runs of one task.

    `published` is the number in the task's metric, `printed` how it reads; `mean`, `low`, `high` and `n` are ours on
    its split, or on the split that ours are scored on where they have no score on that. `next_low` and `next_high` are
    where one more run of ours would be; `agrees` says whether the number is there, "" where that is not asked: of
    another measure, of fewer than six runs.
    """
    groups = _groups(table, runs, settings)
    rows = []
    for number in of_task(runs):
        candidates = [group for group in groups if group.kind == number.kind]
        if candidates and not facts_of(number).other:
            rows.append(_beside(number, candidates))
    return pd.DataFrame(rows, columns=list(COLUMNS))


@dataclass(frozen=True)
class _Group:
    """A group of Runs of one task: its row of the summary, its Runs that are done, its settings."""

    row: pd.Series
    runs: pd.DataFrame
    settings: Settings

    @property
    def kind(self) -> str:
        return self.settings.get("cell.kind", "")

    @cached_property
    def n_scored(self) -> dict[str, int]:
        return {split: int(self.runs[split].notna().sum()) for split in SPLITS}

    @cached_property
    def ways(self) -> dict[str, str]:
        return here(str(self.row["task"]), str(self.runs["kind"].iloc[0]))

    def split_for(self, number: Number) -> str:
        return number.score_split if self.n_scored[number.score_split] else str(self.row["split"])

    def differences(self, number: Number) -> tuple[Difference, ...]:
        split = self.split_for(number)
        counts = {name: float(self.row[f"num_params_{name}"]) for name in ("recurrent", "total")}
        n_trials = int(self.row["tuning_runs"])
        ours = Here(self.settings, self.ways, counts, split, n_trials, self.n_scored[split])
        return differences(number, facts_of(number), ours)


def _groups(table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings]) -> list[_Group]:
    """Return the groups that have a score, best on validation first."""
    scored = table[table["n"] > 0].sort_values(["validation", "group"])
    ended = dict(list(done(reported(runs)).groupby("group")))
    return [_Group(row, ended[row["group"]], settings[row["group"]]) for _, row in scored.iterrows()]


def _beside(number: Number, groups: Sequence[_Group]) -> dict[str, object]:
    found = [group.differences(number) for group in groups]
    i = min(range(len(groups)), key=lambda i: (sum(part.kind == "measure" for part in found[i]), len(found[i]), i))
    group, split = groups[i], groups[i].split_for(number)
    interval = interval_of(group.runs[split], f"{group.row['group']}:{split}:{group.row['metric']}")
    verdict = comparable(found[i])
    low, high = next_value(group.runs[split].dropna().tolist()) if interval.n >= ENOUGH else (math.nan, math.nan)
    is_asked = verdict != "no" and interval.n >= ENOUGH
    return {
        **{name: group.row[name] for name in ("cell", "group", "hidden_size", "num_layers", "metric")},
        **{"split": split, "mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n},
        **{"next_low": low, "next_high": high},
        **{"agrees": ("yes" if low <= number.score <= high else "no") if is_asked else ""},
        **{"published": number.score, "printed": _printed(number), "paper": protocols()[number.paper].title},
        **{name: getattr(number, name) for name in ("table", "variant", "confidence", "source")},
        "statistic": facts_of(number).statistic,
        "comparable": verdict,
        "because": "; ".join(map(str, found[i])),
    }


def _printed(number: Number) -> str:
    """Return a number with the digits of its paper, or three where it had to be turned into the task's metric."""
    value = number.value.removeprefix("-")
    return value if math.isclose(float(value), number.score) else f"{number.score:.3g}"
