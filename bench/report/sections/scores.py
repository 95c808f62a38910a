"""The summary table: mean score, interval, parameters, and how many runs stand behind each row."""

from __future__ import annotations

import pandas as pd

from bench.metrics import METRICS
from bench.report.frames import TASK
from bench.report.ink import Inks
from bench.report.naming import size_label
from bench.report.section import Entry, Section, Table
from bench.report.summary import STATUSES
from bench.report.wording import (
    better,
    count,
    decimals,
    duration,
    interval,
    listed,
    number,
    plain,
    quantity,
)
from bench.stats.intervals import BOOTSTRAP, ENOUGH

HEADERS = ("Task", "Cell", "Hidden × layers", "Parameters: recurrent", "total", "Score", "Mean")
MORE_HEADERS = ("95 % interval", "n", "Unigram baseline", "Training time", "Not done")


def scores(table: pd.DataFrame, looks: Inks) -> Section:
    """Return the table of all groups, best mean first within a task."""
    heading = "Summary"
    if table.empty:
        return Section(heading, ("There are no runs to summarise.",))
    with_settings = bool((table["settings"] != "").any())
    rows = [
        _entries(row, looks, digits, with_settings)
        for _, of_task in table.groupby(TASK, sort=False)
        for digits in [decimals(of_task)]
        for _, row in of_task.iterrows()
    ]
    headers = (*HEADERS, *MORE_HEADERS, *["Settings"] * with_settings)
    return Section(heading, _text(table), Table(headers, tuple(rows), _caption(table)))


def _entries(row: pd.Series, looks: Inks, digits: int, with_settings: bool) -> tuple[Entry, ...]:
    metric = METRICS[row["metric"]].label if row["metric"] in METRICS else row["metric"]
    mean = number(row["mean"], digits)
    failures = [f"{row[status]} {status}" for status in STATUSES if status != "done" and row[status]]
    return (
        Entry(plain(row["task_label"], 80)),
        Entry(looks[row["cell"]].name),
        Entry(size_label(row["hidden_size"], row["num_layers"]), row["hidden_size"] + row["num_layers"] / 1000),
        Entry(count(row["num_params_recurrent"]), row["num_params_recurrent"]),
        Entry(count(row["num_params_total"]), row["num_params_total"]),
        Entry(f"{row['split']} {metric}"),
        Entry(mean, row["mean"]),
        Entry(interval(row["low"], row["high"], digits), row["high"] - row["low"]),
        Entry(str(row["n"]), row["n"]),
        Entry(number(row["baseline"], min(digits, 2)), row["baseline"]),
        Entry(duration(row["train_seconds"]), row["train_seconds"]),
        Entry(", ".join(failures), sum(row[status] for status in STATUSES if status != "done")),
        *[Entry(plain(row["settings"], 120))] * with_settings,
    )


def _caption(table: pd.DataFrame) -> str:
    directions = sorted({better(direction) for direction in table["direction"]})
    return (
        "Mean over n runs that ended as done, one run per seed; "
        f"{' or '.join(directions)}. Interval: 95 % {BOOTSTRAP} interval of the mean. Training time: median of a run, "
        "evaluation excluded. Not done: runs that are counted and never averaged."
    )


def _text(table: pd.DataFrame) -> tuple[str, ...]:
    return tuple(sentence for sentence in (_few_seeds(table), _tuning(table), _validation_only(table)) if sentence)


def _few_seeds(table: pd.DataFrame) -> str:
    few = table[table["n"].between(1, ENOUGH - 1)]
    if few.empty:
        return ""
    which = "Every row" if len(few) == len(table) else f"{quantity(len(few), 'row')} of {len(table)}"
    return (
        f"{which} rests on fewer than {ENOUGH} seeds: such an interval covers the true mean less often than 95 % "
        "of the time (about 49 % at n = 2, 74 % at n = 3, 88 % at n = 4, 93 % at n = 5), and one run has none."
    )


def _tuning(table: pd.DataFrame) -> str:
    budgets = table.drop_duplicates([*TASK, "cell"])["tuning_runs"]
    if not budgets.any():
        return "Nothing was tuned here: every cell ran with the settings listed at the end of this page."
    if budgets.nunique() == 1:
        return f"Every cell was tuned with the same budget: {quantity(int(budgets.iloc[0]), 'run')} each."
    spent = listed([f"{row.tuning_runs} ({row.cell}, {row.task})" for row in _budgets(table)])
    return f"The tuning budgets differ, so the comparison is not fair to every cell: runs spent are {plain(spent)}."


def _budgets(table: pd.DataFrame) -> list[pd.Series]:
    return [row for _, row in table.drop_duplicates([*TASK, "cell"]).iterrows()]


def _validation_only(table: pd.DataFrame) -> str:
    untested = table[(table["split"] != "test") & (table["n"] > 0)]
    if untested.empty:
        return ""
    return (
        f"{quantity(len(untested), 'row')} of {len(table)} can show validation scores only: the test split is opened "
        "when settings are confirmed, and no run there has been tested."
    )
