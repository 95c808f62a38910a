"""Speed: every run visible, the kernel named, and no ranking across kernels, processors or thread counts."""

from __future__ import annotations

import math

import pandas as pd

from bench.core.wording import listed, plain, quantity, spanned
from bench.report.figures.rows import MOST_ROWS, Row, row_chart
from bench.report.section import Chart, Section
from bench.results.frames import CONDITIONS, are_interleaved
from bench.results.labels import CellStyles, group_label
from bench.results.summary import done, reported

FEWEST = 3
"""Runs of each cell below which speeds are not ranked."""

WARNING = (
    "Speeds are comparable only within one kernel class, on one machine, at one number of threads: how fast a cell "
    "trains depends first on how its kernel is written, and only then on its equations."
)


def speed(runs: pd.DataFrame, looks: CellStyles, stem: str) -> Section:
    """Return the training speeds of one task's runs."""
    heading = "Training speed"
    timed = done(reported(runs)).dropna(subset="units_per_second")
    if timed.empty:
        return Section(heading, ("No run of this task has ended as done, so there is no speed to show.",))
    groups = [rows for _, rows in timed.groupby(["group", *CONDITIONS])]
    groups.sort(key=lambda rows: (rows["kernel"].iloc[0], -rows["units_per_second"].median(), rows["group"].iloc[0]))
    shown = groups[:MOST_ROWS]
    points = pd.concat(shown)
    unit = plain(points["unit"].iloc[0], 20) or "unit"
    chart = Chart(
        name=f"{stem}-speed",
        alt=_alt(shown, looks, unit),
        caption=_caption(shown, len(groups) - len(shown)),
        figure=row_chart([_row(rows, looks) for rows in shown], f"{unit}s of training per second", from_zero=True),
        data=points[["cell", "hidden_size", "num_layers", "settings", "seed", *CONDITIONS, "units_per_second"]],
    )
    return Section(heading, (WARNING, _comparison_sentence(timed, looks)), chart=chart)


def _row(rows: pd.DataFrame, looks: CellStyles) -> Row:
    first, values = rows.iloc[0], rows["units_per_second"]
    return Row(
        label=f"{group_label(first, looks)}   {plain(first['kernel'], 24)}",
        numbers=f"{values.median():,.0f}   n = {len(rows)}",
        style=looks[first["cell"]],
        values=list(values),
        centre=float(values.median()),
        low=math.nan,
        high=math.nan,
    )


def _comparison_sentence(timed: pd.DataFrame, looks: CellStyles) -> str:
    differing = [name for name in CONDITIONS if timed[name].nunique() > 1]
    if differing:
        found = listed([f"{name} ({plain(listed(_distinct(timed[name])), 160)})" for name in differing])
        return f"These runs differ in {found}, so their speeds are not ranked here."
    kernel = f"All runs used one kernel: {plain(timed['kernel'].iloc[0], 40)}."
    by_cell = timed.groupby("cell")
    if timed["cell"].nunique() < 2 or by_cell["group"].nunique().max() > 1:
        return kernel
    if not are_interleaved([rows for _, rows in by_cell]):
        return f"{kernel} The cells did not take turns on the machine, so no cell is called faster."
    return f"{kernel} {_ranking_sentence(by_cell['units_per_second'].agg(['median', 'min', 'max', 'size']), looks)}"


def _ranking_sentence(speeds: pd.DataFrame, looks: CellStyles) -> str:
    """Return which cell is fastest at the sizes shown, unless the runs' speeds overlap."""
    ordered = speeds.sort_values("median", ascending=False)
    fastest, others = ordered.iloc[0], ordered.iloc[1:]
    if speeds["size"].min() < FEWEST:
        return f"With fewer than {FEWEST} runs of a cell, no cell is called faster."
    if fastest["min"] <= others["max"].max():
        return "The speeds of the runs overlap between cells, so no cell is called faster."
    ratios = [
        f"{fastest['median'] / row['median']:.2f} times {looks[str(cell)].name}" for cell, row in others.iterrows()
    ]
    return f"At these sizes {looks[str(ordered.index[0])].name} trained fastest: {listed(ratios)} by median."


def _distinct(values: pd.Series) -> list[str]:
    return sorted({str(value) for value in values})


def _alt(shown: list[pd.DataFrame], looks: CellStyles, unit: str) -> str:
    medians = "; ".join(
        f"{group_label(rows.iloc[0], looks)} on {plain(rows['kernel'].iloc[0], 24)} "
        f"{rows['units_per_second'].median():,.0f}"
        for rows in shown
    )
    return f"Row chart of training speed in {unit}s per second, medians: {medians}."


def _caption(shown: list[pd.DataFrame], n_left_out: int) -> str:
    left_out = f" {quantity(n_left_out, 'more row')} not drawn." if n_left_out else ""
    return (
        f"n = {spanned((len(rows) for rows in shown), 'run')} per row, each point one run. Diamond: median; no "
        "interval is drawn, the points show the spread. Time counted: forward, backward and update; padding, data "
        f"and evaluation excluded. Other work on the machine slows a run down.{left_out}"
    )
