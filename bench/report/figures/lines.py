"""The line chart over numbers of trials: one line per study, in its cell's colour, with a band where it has one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bench.report.figures.rows import WIDTH
from bench.results.labels import CellStyle, CellStyles
from bench.results.study import StudyRecord

LineStyle = Literal["solid", "dashed", "dotted", "dashdot"]

STYLES: tuple[LineStyle, ...] = ("solid", "dashed", "dotted", "dashdot")

LEGEND_LETTERS = 90
"""Letters that fit beside each other above a figure."""

HANDLE_LETTERS = 9
"""Letters for whose width the line before a label and the gap behind it stand."""


@dataclass(frozen=True)
class Line:
    """One study's line over 1, 2, ... trials, with single trials as `points` and a band from `low` to `high`.

    Points are one row for each replication, of as many as the line has. The band is faint from `doubtful` trials on.
    """

    label: str
    cell_style: CellStyle
    style: LineStyle
    values: np.ndarray
    points: np.ndarray = field(default_factory=lambda: np.empty(0))
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    doubtful: int = 0


def styles(studies: Mapping[str, StudyRecord], looks: CellStyles) -> dict[str, tuple[CellStyle, LineStyle]]:
    """Return how each study is drawn: in the colour of its cell, with a dash of its own among those of the cell."""
    found: dict[str, tuple[CellStyle, LineStyle]] = {}
    n_seen: dict[str, int] = {}
    for name, study in studies.items():
        place = n_seen.setdefault(study.cell, 0)
        found[name] = (looks[study.cell], STYLES[place % len(STYLES)])
        n_seen[study.cell] += 1
    return found


def line_chart(lines: Sequence[Line], x_label: str, y_label: str, limits: tuple[float, float]) -> Figure:
    """Return a figure with all lines in one panel."""
    figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
    axes = figure.subplots()
    for line in reversed(lines):
        _draw(axes, line)
    n_trials = max(len(line.values) for line in lines)
    axes.set_xlim(1 - 0.015 * n_trials, n_trials + 0.015 * n_trials)
    axes.set_ylim(*limits)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles[::-1], labels[::-1], loc="outside upper left", ncols=columns_for(labels))
    return figure


def columns_for(labels: Sequence[str]) -> int:
    """Return the number of legend columns at which these labels fit the width of a figure."""
    return max(1, min(len(labels), LEGEND_LETTERS // (max(len(label) for label in labels) + HANDLE_LETTERS)))


def span_of(values: Sequence[np.ndarray]) -> tuple[float, float]:
    """Return an axis range that holds some values, with a margin."""
    known = np.concatenate([each[np.isfinite(each)] for each in values])
    low, high = float(known.min()), float(known.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _draw(axes: Axes, line: Line) -> None:
    x = np.arange(1, len(line.values) + 1)
    axes.plot(
        x,
        line.values,
        color=line.cell_style.colour,
        linestyle=line.style,
        linewidth=2.0,
        label=line.label,
        zorder=4,
        drawstyle="steps-post" if len(line.points) else "default",
        marker=line.cell_style.marker if len(x) < 3 else None,
    )
    if len(line.points):
        axes.scatter(
            np.broadcast_to(x, line.points.shape),
            line.points,
            s=12,
            color=line.cell_style.colour,
            marker=line.cell_style.marker,
            alpha=0.45,
            linewidths=0,
            zorder=3,
        )
    if line.low is not None and line.high is not None:
        for part, alpha in ((slice(0, line.doubtful), 0.25), (slice(max(0, line.doubtful - 1), None), 0.1)):
            axes.fill_between(
                x[part], line.low[part], line.high[part], color=line.cell_style.colour, alpha=alpha, linewidth=0
            )
