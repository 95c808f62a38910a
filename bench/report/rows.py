"""The row chart: one row per group, every run a point, the centre and its interval beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from bench.report.ink import Ink

WIDTH = 7.2
"""Inches: every figure is as wide as the page's column, so that all text has one size."""

MOST_ROWS = 40
"""Rows that still fit on a page."""


@dataclass(frozen=True)
class Row:
    """One row of the chart: `values` are its runs in the order of their seeds; `low` and `high` may be nan."""

    label: str
    ink: Ink
    values: Sequence[float]
    centre: float
    low: float
    high: float


def row_chart(rows: Sequence[Row], x_label: str, *, from_zero: bool = False) -> Figure:
    """Return a figure with one row per group, the first on top.

    Points spread over the height of a row in the order of their seeds; nothing about them is random.
    """
    figure = Figure(figsize=(WIDTH, 0.95 + 0.46 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        _draw_row(axes, y, row)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(left=False, bottom=False)
    if from_zero:
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    return figure


def _draw_row(axes: Axes, y: int, row: Row) -> None:
    spread = np.linspace(-0.24, 0.24, len(row.values)) if len(row.values) > 1 else np.zeros(len(row.values))
    axes.scatter(
        row.values,
        y + spread,
        s=17,
        color=row.ink.colour,
        marker=row.ink.marker,
        alpha=0.55,
        linewidths=0,
        zorder=3,
    )
    if pd.isna(row.centre):
        return
    if not pd.isna(row.low):
        around = [[max(0.0, row.centre - row.low)], [max(0.0, row.high - row.centre)]]
        axes.errorbar(row.centre, y, xerr=around, fmt="none", ecolor="#202124", elinewidth=1.8, capsize=4, zorder=4)
    axes.plot(row.centre, y, "D", color="#202124", markersize=6, markeredgecolor="white", zorder=5)
