"""The row chart: one row per group, every run a point, its centre and interval below, the numbers at the right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from bench.core.wording import short
from bench.report.figures.style import any_script
from bench.results.labels import TEXT_COLOUR, CellStyle

WIDTH = 7.2
"""Inches: every figure is as wide as the page's column, so that all text has one size."""

PLOT_WIDTH = 1.5
"""Inches that labels leave to the points, however long the names in them are."""

MOST_ROWS = 40
"""Rows that still fit on a page."""


@dataclass(frozen=True)
class Row:
    """One row of the chart: `values` are its runs in the order of their seeds; `low` and `high` may be nan.

    `label` stands at the left, `numbers` at the right.
    """

    label: str
    numbers: str
    style: CellStyle
    values: Sequence[float]
    centre: float
    low: float
    high: float


def row_chart(rows: Sequence[Row], x_label: str, *, from_zero: bool = False) -> Figure:
    """Return a figure with one row per group, the first on top.

    Points spread over the upper part of a row in the order of their seeds: nothing about them is random, and
    nothing is drawn over them.
    """
    figure = Figure(figsize=(WIDTH, 0.9 + 0.5 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        _draw_row(axes, y, row)
    numbers = [row.numbers for row in rows]
    room = WIDTH - PLOT_WIDTH - max(_inches(figure, numbers), default=0.0)
    axes.set_yticks(range(len(rows)), [_fitted(figure, row.label, room) for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlabel(x_label)
    if from_zero:
        axes.set_xlim(0, 1.04 * max(max(row.values) for row in rows))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    _label_right(axes, numbers)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    return figure


def _draw_row(axes: Axes, y: int, row: Row) -> None:
    n = len(row.values)
    lanes = y + (np.linspace(-0.34, 0.0, n) if n > 1 else np.full(n, -0.17))
    axes.scatter(
        row.values, lanes, s=18, color=row.style.colour, marker=row.style.marker, alpha=0.75, linewidths=0, zorder=3
    )
    if pd.isna(row.centre):
        return
    below = y + 0.24
    if not pd.isna(row.low):
        around = [[max(0.0, row.centre - row.low)], [max(0.0, row.high - row.centre)]]
        axes.errorbar(
            row.centre, below, xerr=around, fmt="none", ecolor=TEXT_COLOUR, elinewidth=1.6, capsize=3.5, zorder=4
        )
    axes.plot(row.centre, below, "D", color=TEXT_COLOUR, markersize=5, zorder=5)


def _fitted(figure: Figure, label: str, room: float) -> str:
    """Return a label that is no wider than there is room for, in inches: as it is, or cut to two lines."""
    columns, fitted = len(label), label
    while columns > 1 and max(_inches(figure, [fitted])) > room:
        columns -= 1
        fitted = "\n".join(wrap(label, columns, max_lines=2, placeholder="…", break_on_hyphens=False))
    return fitted


def _inches(figure: Figure, labels: Iterable[str]) -> Iterator[float]:
    """Yield how wide each label is when it is drawn."""
    with any_script():
        for label in labels:
            drawn = figure.text(0, 0, label, fontsize=mpl.rcParams["ytick.labelsize"])
            yield drawn.get_window_extent().width / figure.dpi
            drawn.remove()


def _label_right(axes: Axes, texts: Sequence[str]) -> None:
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(texts)), texts)
    right.tick_params(right=False)
    right.spines["right"].set_visible(False)
