"""The summary: one row for each group of Runs, mean score with its interval, cost, and how the Runs ended."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from bench.core.endings import RUN_STATUSES
from bench.core.interval import Interval
from bench.core.seeds import stream
from bench.results.frames import SHAPE, SIZED, TASK
from bench.stats.intervals import mean_interval

SUMMARY_COLUMNS = (
    *("task", "task_version", "data", "task_label", "cell", "hidden_size", "num_layers", "settings", "phase"),
    *("num_params_recurrent", "num_params_total", "n", "metric", "direction", "split", "mean", "low", "high"),
    *("interval", "baseline", "validation", "units_per_second", "unit", "kernel", "train_seconds"),
    *("size_mode", "size_budget", "size_count", "train_fraction", "regularisers", "tuning_runs"),
    *("repeat", "chosen_by"),
    *(*RUN_STATUSES, "group"),
)


def summary(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per group of `reported` Runs, sorted by task, then best mean first.

    `mean`, `low` and `high` are over the Runs that finished: of the test score, or of the validation score
    where none was tested. `interval` says what kind it is. Speed and time are medians over the same Runs; speed
    is nan where they ran on different kernels. `repeat` is what its Runs differ in, and `chosen_by` how their settings
    came about: "" where they were given, "search" where one search found them, so that the mean holds for these
    settings, "replications" where each Run has those of a search of its own, so that it holds for the search.
    """
    rows = [_row(group) for _, group in reported(runs).groupby("group", sort=True)]
    for row, n_trials in zip(rows, _tuning_runs(rows, runs[runs["phase"] == "tune"]), strict=True):
        row["tuning_runs"] = n_trials
        row["chosen_by"] = "replications" if row["repeat"] == "replication" else "search" if n_trials else ""
    rows.sort(key=_rank)
    return pd.DataFrame(rows, columns=list(SUMMARY_COLUMNS))


def _tuning_runs(rows: Sequence[Mapping[str, Any]], trials: pd.DataFrame) -> list[int]:
    """Return how many trials each group's settings were chosen from.

    Regularisers are told apart where groups of one pool differ in them: they were swept then. Elsewhere they may have
    been searched, and trials with one and without one belong to the same group.
    """
    variants: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for row in rows:
        variants[_pool(row)].add(row["regularisers"])

    def pool(row: Mapping[str, Any] | pd.Series) -> tuple[object, ...]:
        shared = _pool(row)
        return (*shared, row["regularisers"]) if len(variants[shared]) > 1 else shared

    n_trials = Counter(pool(trial) for _, trial in trials.iterrows())
    return [n_trials[pool(row)] for row in rows]


def _pool(row: Mapping[str, Any] | pd.Series) -> tuple[object, ...]:
    """Return the conditions that groups tuned together share: task, cell, size budget, training fraction."""
    budget = None if pd.isna(row["size_budget"]) else row["size_budget"]
    return (
        *(row[name] for name in TASK),
        row["cell"],
        row["size_mode"],
        budget,
        row["size_count"],
        row["train_fraction"],
    )


def repeat_of(rows: pd.DataFrame) -> str:
    """Return what the n of some rows counts, runs or groups of them: seeds, replications, or runs where it is both."""
    found = set(rows["repeat"])
    return found.pop() if len(found) == 1 else "run" if found else "seed"


def trials_of_search(row: pd.Series) -> int:
    """Return the number of trials of the search that chose a group's settings, or of each replication of it."""
    n_runs = sum(int(row[status]) for status in RUN_STATUSES)
    return int(row["tuning_runs"]) // (n_runs if row["repeat"] == "replication" else 1)


def tuning_budget(row: pd.Series) -> str:
    """Return the number of trials that a group's settings were chosen from: `30`, or `7 × 3` in seven replications."""
    n_trials, n_each = int(row["tuning_runs"]), trials_of_search(row)
    if row["repeat"] == "replication" and n_each and n_trials % n_each == 0:
        return f"{n_trials // n_each:,} × {n_each:,}"
    return f"{n_trials:,}"


def summary_rows(runs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the summary as JSON-safe rows: None stands where there is no number."""
    return json_rows(summary(runs))


def json_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return an existing summary as JSON-safe rows."""
    rows = table.astype(object).to_dict("records")
    return [{str(name): _json_safe(str(name), value) for name, value in row.items()} for row in rows]


def reported(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the Runs that represent their task: those of the confirm phase, or all if none is confirmed yet."""
    if runs.empty:
        return runs
    confirm = runs["phase"] == "confirm"
    is_confirmed = confirm.groupby([runs[name] for name in TASK]).transform("any")
    return runs[confirm | ~is_confirmed]


def scored_split(runs: pd.DataFrame) -> str:
    """Return the split that Runs are judged by: test where any has a test score."""
    return "test" if done(runs)["test"].notna().any() else "validation"


def done(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the Runs that finished: the only ones that are ever averaged."""
    return runs[runs["status"] == "done"]


def interval_of(values: pd.Series[float], label: str) -> Interval:
    """Return the interval of a mean, the same at every rebuild because its stream depends on the label alone."""
    numbers = [float(value) for value in values.dropna()]
    return mean_interval(numbers, seed=stream("bootstrap", label=label))


def best_groups(table: pd.DataFrame) -> pd.DataFrame:
    """Return, for each cell of one task's summary, the group with the best mean validation score on the most data."""
    known = of_most_data(table[table["validation"].notna()])
    ascending = bool((known["direction"] != "maximise").all())
    return known.sort_values(["validation", "group"], ascending=[ascending, True]).drop_duplicates("cell")


def of_most_data(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one task at the largest training fraction that all its cells have, all rows if there is none.

    So the choice of the best settings never compares scores of unequal amounts of data.
    """
    per_cell = [set(fractions) for _, fractions in table.groupby("cell")["train_fraction"]]
    shared = set.intersection(*per_cell) if per_cell else set()
    return table[table["train_fraction"] == max(shared)] if shared else table


def at_fractions(table: pd.DataFrame, chosen: pd.Series) -> pd.DataFrame:
    """Return the groups of a chosen one's cell and size, the best by validation at each training fraction, in order."""
    is_same = (table[SIZED] == chosen[SIZED]).all(axis=1)
    of_size = table[is_same & table["validation"].notna()].sort_values("train_fraction")
    best = [best_groups(rows) for _, rows in of_size.groupby("train_fraction")]
    return pd.concat(best) if best else of_size


def _row(group: pd.DataFrame) -> dict[str, Any]:
    first, ended = group.iloc[0], done(group)
    split = scored_split(group)
    interval = interval_of(ended[split], f"{first['group']}:{split}:{first['metric']}")
    return {
        **{name: first[name] for name in (*TASK, "task_label", *SHAPE, "settings", "phase", "metric")},
        **{name: first[name] for name in ("direction", "group", "size_mode", "size_budget", "size_count")},
        **{name: first[name] for name in ("train_fraction", "regularisers", "repeat")},
        **{name: group[name].max() for name in ("num_params_recurrent", "num_params_total", "unit")},
        **{
            "n": interval.n,
            "split": split,
            "mean": interval.mean,
            "low": interval.low,
            "high": interval.high,
        },
        "interval": interval.kind + ", too narrow at this n" * interval.is_too_narrow,
        "baseline": ended[f"baseline_{split}"].mean(),
        "validation": ended["validation"].mean(),
        **_cost(ended),
        **{status: int((group["status"] == status).sum()) for status in RUN_STATUSES},
    }


def _cost(ended: pd.DataFrame) -> dict[str, Any]:
    kernels = sorted(ended["kernel"].unique())
    return {
        "units_per_second": ended["units_per_second"].median() if len(kernels) == 1 else math.nan,
        "kernel": " and ".join(kernels),
        "train_seconds": ended["train_seconds"].median(),
    }


def _rank(row: dict[str, Any]) -> tuple[Any, ...]:
    mean = row["mean"]
    score = math.inf if math.isnan(mean) else -mean if row["direction"] == "maximise" else mean
    return (*(row[name] for name in TASK), score, row["group"])


def _json_safe(name: str, value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value) if name.startswith("num_params") else value
