"""Runs that did not end as done: which, how, and why."""

from __future__ import annotations

import pandas as pd

from bench.report.ink import Inks
from bench.report.naming import size_label
from bench.report.section import Entry, Section, Table
from bench.report.summary import STATUSES
from bench.report.wording import plain, quantity

MOST_ROWS = 60

HEADERS = ("Task", "Cell", "Hidden × layers", "Seed", "Phase", "Status", "Reason", "Updates", "Run")


def endings(runs: pd.DataFrame, looks: Inks) -> Section:
    """Return the runs that are counted and never averaged."""
    heading = "Runs that did not end as done"
    unfinished = runs[runs["status"] != "done"]
    if unfinished.empty:
        return Section(heading, ("None: every run ended as done.",))
    unfinished = unfinished.sort_values(["status", "task", "cell", "hidden_size", "seed", "key"])
    shown = unfinished.head(MOST_ROWS)
    rows = tuple(_entries(row, looks) for _, row in shown.iterrows())
    counts = [f"{(unfinished['status'] == status).sum()} {status}" for status in STATUSES if status != "done"]
    text = f"{quantity(len(unfinished), 'run')} of {len(runs):,}: {', '.join(c for c in counts if c[0] != '0')}."
    more = f" The other {len(unfinished) - MOST_ROWS:,} are in runs.csv." if len(unfinished) > MOST_ROWS else ""
    caption = f"{quantity(len(shown), 'run')}, one per row; none of them enters a mean or a figure.{more}"
    return Section(heading, (text,), Table(HEADERS, rows, caption))


def _entries(row: pd.Series, looks: Inks) -> tuple[Entry, ...]:
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
