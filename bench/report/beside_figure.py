"""The figure of numbers in print beside ours: one row per group of Runs, below its seeds one lane per paper."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.report.ink import GREY, INK, Ink, Inks
from bench.report.naming import size_label
from bench.report.rows import WIDTH

SEEDS, MEAN, FIRST, STEP, END = -0.38, -0.1, 0.2, 0.24, 0.36
"""Where things are in a row: points of the seeds, their mean, the first paper; from lane to lane; from row to row."""

INCHES = 0.85
"""Height of a row's unit."""


def beside_figure(rows: pd.DataFrame, points: pd.DataFrame, looks: Inks, x_label: str) -> Figure:
    """Return a figure of some numbers in print (a frame of `beside`) and of the seeds of the groups next to them."""
    groups = [own for _, own in rows.groupby("group", sort=False)]
    heights = [FIRST + STEP * (own["paper"].nunique() - 1) + END - SEEDS for own in groups]
    places = [sum(heights[:i]) for i in range(len(groups))]
    figure = Figure(figsize=(WIDTH, 1.1 + INCHES * sum(heights)), layout="constrained")
    axes = figure.subplots()
    for y, own in zip(places, groups, strict=True):
        first = own.iloc[0]
        _draw_ours(axes, y, first, points.loc[points["group"] == first["group"], "score"], looks[str(first["cell"])])
    low, high = axes.get_xlim()
    low, high = min(low, rows["published"].min()), max(high, rows["published"].max())
    for y, own in zip(places, groups, strict=True):
        _draw_print(axes, y, own, low, high)
    axes.set_yticks([y + MEAN for y in places], [_label(own.iloc[0], looks) for own in groups])
    axes.set_ylim(sum(heights) + SEEDS - 0.1, SEEDS - 0.14)
    for y in places[1:]:
        axes.axhline(y + SEEDS - 0.14, color="#dadce0", linewidth=0.8, zorder=0)
    axes.set_xlabel(x_label)
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)
    figure.legend(handles=_handles(rows), loc="outside upper left", ncols=3)
    return figure


def _label(row: pd.Series, looks: Inks) -> str:
    return f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"


def _draw_ours(axes: Axes, y: float, group: pd.Series, values: pd.Series, ink: Ink) -> None:
    seeds = values.dropna()
    lanes = [y + SEEDS + 0.16 * i / max(len(seeds) - 1, 1) for i in range(len(seeds))]
    axes.scatter(seeds, lanes, s=16, color=ink.colour, marker=ink.marker, alpha=0.6, linewidths=0, zorder=3)
    if not pd.isna(group["low"]):
        around = [[max(0.0, group["mean"] - group["low"])], [max(0.0, group["high"] - group["mean"])]]
        axes.errorbar(
            group["mean"], y + MEAN, xerr=around, fmt="none", ecolor=ink.colour, elinewidth=2.0, capsize=4, zorder=4
        )
    axes.plot(group["mean"], y + MEAN, "D", color=ink.colour, markersize=7, zorder=5)


def _draw_print(axes: Axes, y: float, rows: pd.DataFrame, low: float, high: float) -> None:
    """Draw a lane for each paper and write its name in the lane's widest gap, the number with it where it has one."""
    for lane, (paper, own) in enumerate(rows.groupby("paper", sort=True)):
        height = y + FIRST + STEP * lane
        is_hollow = own["comparable"] == "no"
        for part, face, edge in ((own[~is_hollow], INK, INK), (own[is_hollow], "white", GREY)):
            places = [height] * len(part)
            axes.scatter(part["published"], places, s=36, marker="o", facecolors=face, edgecolors=edge, zorder=4)
        x, is_left = _place(sorted(own["published"]), low, high)
        axes.annotate(
            f"{paper}: {own['printed'].iloc[0]}" if len(own) == 1 else str(paper),
            (x, height),
            xytext=(-7 if is_left else 7, 0),
            textcoords="offset points",
            ha="right" if is_left else "left",
            va="center",
            fontsize="small",
            color=GREY if is_hollow.all() else INK,
        )


def _place(values: Sequence[float], low: float, high: float) -> tuple[float, bool]:
    """Return the value next to the widest gap, and whether the gap is on its left."""
    ends = [low, *values, high]
    gaps = [after - before for before, after in pairwise(ends)]
    widest = gaps.index(max(gaps))
    return (values[0], True) if widest == 0 else (values[widest - 1], False)


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    handles = [_symbol("D", "mean here", GREY, GREY)]
    if (rows["comparable"] != "no").any():
        handles.append(_symbol("o", "in print", INK, INK))
    if (rows["comparable"] == "no").any():
        handles.append(_symbol("o", "in print, another measure or from memory", GREY, "white"))
    return handles


def _symbol(marker: str, label: str, edge: str, face: str) -> Line2D:
    return Line2D(
        [], [], marker=marker, label=label, linestyle="none", markersize=7, markeredgecolor=edge, markerfacecolor=face
    )
