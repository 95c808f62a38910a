"""The summary table: mean score, interval, parameters, and the number of runs of each group."""

from __future__ import annotations

import pandas as pd

from bench.core.endings import RUN_STATUSES
from bench.core.interval import ENOUGH
from bench.core.wording import SHORT_METRICS, better, count, decimals, duration, interval, number, plain, quantity, span
from bench.report.section import Chart, Entry, Section, Table
from bench.results.frames import TASK
from bench.results.labels import CellStyles, size_label
from bench.results.summary import repeat_of, tuning_budget
from bench.stats.intervals import BOOTSTRAP

SAID_ONCE = ("Task", "Score", "Not done", "Settings")
"""Columns that are left out where they say the same in every row; the caption says it instead."""


ALIKE = [*TASK, "size_mode", "size_count", "train_fraction", "regularisers"]
"""Groups that have all of these in common are compared, so they should have been tuned alike."""


def scores(table: pd.DataFrame, looks: CellStyles, chart: Chart | None = None) -> Section:
    """Return the table of all groups, best mean first within a task, and the figure that goes with it."""
    heading = "Summary"
    if table.empty:
        return Section(heading, ("There are no runs to summarise.",))
    rows = [
        _fields(row, looks, digits)
        for _, of_task in table.groupby(TASK, sort=False)
        for digits in [decimals(of_task)]
        for _, row in of_task.iterrows()
    ]
    once = [name for name in SAID_ONCE if len({fields[name].text for fields in rows}) == 1]
    entries = tuple(tuple(entry for name, entry in fields.items() if name not in once) for fields in rows)
    headers = tuple(name for name in rows[0] if name not in once)
    said = [f"{name}: {rows[0][name].text}." for name in once if rows[0][name].text]
    return Section(heading, _text(table), Table(headers, entries, " ".join([*said, _caption(table)])), chart)


def _fields(row: pd.Series, looks: CellStyles, digits: int) -> dict[str, Entry]:
    metric = SHORT_METRICS.get(row["metric"], row["metric"])
    shape = row["hidden_size"] + row["num_layers"] / 1000
    return {
        "Task": Entry(plain(row["task_label"], 80)),
        "Cell": Entry(looks[row["cell"]].name),
        "Hidden × layers": Entry(size_label(row["hidden_size"], row["num_layers"]), shape),
        "Settings": Entry(plain(row["settings"], 120)),
        "Mean": Entry(number(row["mean"], digits), row["mean"]),
        "95 % interval": Entry(interval(row["low"], row["high"], digits), row["high"] - row["low"]),
        "n": Entry(str(row["n"]), row["n"]),
        "Score": Entry(f"{row['split']} {metric}" if row["n"] else metric),
        "Recurrent parameters": Entry(count(row["num_params_recurrent"]), row["num_params_recurrent"]),
        "Total parameters": Entry(count(row["num_params_total"]), row["num_params_total"]),
        "Unigram baseline": Entry(number(row["baseline"], min(digits, 2)), row["baseline"]),
        "Training time": Entry(duration(row["train_seconds"]), row["train_seconds"]),
        "Not done": _not_done(row),
    }


def _not_done(row: pd.Series) -> Entry:
    counts = {status: row[status] for status in RUN_STATUSES if status != "done" and row[status]}
    text = ", ".join(f"{n} {status}" for status, n in counts.items())
    return Entry(text, sum(counts.values())) if text else Entry("")


def _caption(table: pd.DataFrame) -> str:
    directions = " or ".join(sorted({better(direction) for direction in table["direction"]}))
    return (
        f"Mean over n runs that finished, one run per {repeat_of(table)}; {directions}. Interval: 95 % {BOOTSTRAP} "
        "interval of the mean. Training time: median of a run, evaluation excluded. Failed and diverged "
        "runs are counted and never averaged."
    )


def _text(table: pd.DataFrame) -> tuple[str, ...]:
    sentences = (_few_seeds(table), _tuning(table), _validation_only(table))
    return tuple(sentence for sentence in sentences if sentence)


def _few_seeds(table: pd.DataFrame) -> str:
    few = table[table["n"].between(1, ENOUGH - 1)]
    if few.empty:
        return ""
    if (few["n"] == 1).all() and len(few) == len(table):
        another = repeat_of(few)
        return f"Every row is a single run: another {another} gives another score, and how far it moves is unknown."
    which = "Every row" if len(few) == len(table) else f"{quantity(len(few), 'row')} of {len(table)}"
    rests = "rests" if len(few) in (1, len(table)) else "rest"
    return (
        f"{which} {rests} on fewer than {ENOUGH} {repeat_of(few)}s: such an interval covers the true mean less often "
        "than 95 % of the time (about 49 % at n = 2, 74 % at n = 3, 88 % at n = 4, 93 % at n = 5), and one run has "
        "none."
    )


def _tuning(table: pd.DataFrame) -> str:
    first = table.drop_duplicates([*TASK, "cell"])
    budgets = first["tuning_runs"]
    each = {tuning_budget(row) for _, row in first.iterrows()}
    spent = f"{each.pop() if len(each) == 1 else span(budgets)} tuning runs"
    if not budgets.any():
        return "Nothing was tuned here: every cell ran with the settings listed at the end of this page."
    if (table.groupby(ALIKE)["tuning_runs"].nunique() == 1).all():
        return f"Within a task, every cell was tuned with the same budget: {spent} each."
    return f"The tuning budgets of the cells differ ({spent}), so this comparison is not fair to every cell."


def _validation_only(table: pd.DataFrame) -> str:
    untested = table[(table["split"] != "test") & (table["n"] > 0)]
    if untested.empty:
        return ""
    return (
        f"{quantity(len(untested), 'row')} of {len(table)} can show validation scores only: the test split is "
        "opened when settings are confirmed, and no run there has been tested."
    )
