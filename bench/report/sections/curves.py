"""Learning curves of validation: against updates and against seconds of training."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bench.core.wording import better, listed, quantity, score_label, short, spanned
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart, Section
from bench.results.labels import CellStyle, CellStyles, group_label
from bench.results.summary import best_groups, done, reported

AXES = {"update": "updates of the weights", "seconds": "seconds of training"}

MOST_LINES = 60
"""Thin lines per group; the mean is over all of them."""

MOST_POINTS = 400

SETTLED = 0.2
"""Share of the updates after which a curve decides how far the axis reaches."""


def curves(table: pd.DataFrame, runs: pd.DataFrame, points: pd.DataFrame, looks: CellStyles, stem: str) -> Section:
    """Return the validation curves of each cell's best group in one task."""
    heading = "Learning curves"
    best = best_groups(table)
    ended = done(reported(runs))
    points = points[points["key"].isin(ended["key"]) & points["group"].isin(best["group"])]
    if points.empty:
        return Section(heading, ("No run of this task has ended as done with a curve to show.",))
    best = best[best["group"].isin(points["group"])]
    low, high = _limits(points)
    drawn = pd.concat([curve for _, group in points.groupby("group") for curve in _split(group)[:MOST_LINES]])
    chart = Chart(
        name=f"{stem}-curves",
        alt=_alt(best, points, looks),
        caption=_caption(best, points, high),
        figure=_figure(best, points, looks, (low, high)),
        data=drawn.drop(columns=["group"]),
    )
    return Section(heading, (_text(table, best, looks),), chart=chart)


def common_mean(curves: list[pd.DataFrame], x: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a grid over the stretch that every curve covers, and the mean of the curves there.

    Shapes: both (G,), empty where the curves share no stretch. Curves are interpolated, never extrapolated, so
    the mean has the same runs everywhere.
    """
    start, end = max(curve[x].min() for curve in curves), min(curve[x].max() for curve in curves)
    if not start < end:
        return np.empty(0), np.empty(0)
    n_points = min(MOST_POINTS, max(len(curve) for curve in curves))
    grid = np.linspace(start, end, max(2, n_points))
    return grid, np.mean([np.interp(grid, curve[x], curve["validation"]) for curve in curves], axis=0)


def _figure(best: pd.DataFrame, points: pd.DataFrame, looks: CellStyles, limits: tuple[float, float]) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.5), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True, gridspec_kw={"wspace": 0.08})
    for axes, (x, label) in zip(panels, AXES.items(), strict=True):
        for group in reversed(list(best["group"])):
            of_group = points[points["group"] == group]
            _draw(axes, of_group, x, looks[of_group["cell"].iloc[0]])
        axes.set_xlabel(label)
        axes.set_xlim(left=0)
        axes.set_ylim(*limits)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))
    panels[0].set_ylabel(f"{score_label(best['metric'].iloc[0], 'validation')},\n{better(best['direction'].iloc[0])}")
    ordered = [looks[cell] for cell in looks if cell in set(best["cell"])]
    handles = [Line2D([], [], color=style.colour, linewidth=2.4, label=style.name) for style in ordered]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def _split(points: pd.DataFrame) -> list[pd.DataFrame]:
    return [curve for _, curve in points.groupby("key")]


def _draw(axes: Axes, points: pd.DataFrame, x: str, style: CellStyle) -> None:
    runs = _split(points.dropna(subset=[x]))
    alpha, width = (0.35, 0.9) if len(runs) > 1 else (0.9, 1.2)
    for curve in runs[:MOST_LINES]:
        thinned = curve.iloc[:: 1 + len(curve) // MOST_POINTS]
        axes.plot(thinned[x], thinned["validation"], color=style.colour, alpha=alpha, linewidth=width)
    if len(runs) > 1:
        grid, mean = common_mean(runs, x)
        axes.plot(grid, mean, color=style.colour, linewidth=2.0, zorder=4)


def _limits(points: pd.DataFrame) -> tuple[float, float]:
    """Return an axis range that ignores the first evaluations, whose losses would compress the rest."""
    settled = points[points["update"] >= SETTLED * points["update"].max()]["validation"]
    low, high = float(settled.min()), float(settled.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 0.05
    return low - margin, high + margin


def _text(table: pd.DataFrame, best: pd.DataFrame, looks: CellStyles) -> str:
    shown = listed([group_label(row, looks) for _, row in best.iterrows()])
    if len(best) == len(table):
        return f"Validation score while training: {shown}."
    return (
        f"Validation score while training, for each cell's best group by mean validation score, out of "
        f"{quantity(len(table), 'group')}: {shown}."
    )


def _caption(best: pd.DataFrame, points: pd.DataFrame, high: float) -> str:
    sizes = points.groupby("group")["key"].nunique()
    n_cut = int((points["validation"] > high).sum())
    cut = f" The axis leaves out {quantity(n_cut, 'early evaluation')} above its upper end." if n_cut else ""
    few = f" Only {MOST_LINES} thin lines per cell are drawn." if sizes.max() > MOST_LINES else ""
    mean = "; thick line: their mean, drawn as far as every run reaches" if sizes.max() > 1 else ""
    return (
        f"n = {spanned(sizes, 'run')} per cell: one thin line each{mean}. "
        "No interval is drawn. Seconds exclude evaluation and say as much about the kernel as about the "
        f"cell.{few}{cut}"
    )


def _alt(best: pd.DataFrame, points: pd.DataFrame, looks: CellStyles) -> str:
    lowest = points.groupby("cell")["validation"].min()
    ends = "; ".join(f"{looks[cell].name} {lowest[cell]:.4g}" for cell in best["cell"])
    return f"Two panels of validation curves, against updates and against seconds. Lowest value reached: {ends}."
