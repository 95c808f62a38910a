"""At a glance: a panel for each task, every seed of its best groups, and the published numbers to compare them with."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.core.wording import decimals, number, plain, score_label, spanned
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart
from bench.report.sections.beside import beside
from bench.results.frames import SHAPE, TASK
from bench.results.groups import Settings
from bench.results.labels import TEXT_COLOUR, CellStyles, short_settings, size_label
from bench.results.summary import done, of_most_data, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP

MOST_PANELS = 8
MOST_GROUPS = 8
"""Groups of a task that are drawn."""


def glance(
    table: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings], looks: CellStyles
) -> Chart | None:
    """Return the scores of all tasks in one figure, None where fewer than two have any."""
    panels = []
    for task, rows in table.groupby(TASK, sort=False):
        scored = rows[rows["n"] > 0]
        if not scored.empty:
            of_task = runs[(runs[TASK] == list(task)).all(axis=1)]
            panels.append(_panel(_chosen(scored), of_task, settings, looks))
    if not 2 <= len(panels) <= MOST_PANELS:
        return None
    frame = pd.concat([panel for panel, _ in panels], ignore_index=True)
    in_print = pd.concat([found for _, found in panels], ignore_index=True)
    return Chart(
        name="glance",
        alt=_alt(frame, looks),
        caption=_caption(frame, has_print=not in_print.empty),
        figure=_figure([panel for panel, _ in panels], in_print, looks),
        data=_data(frame, in_print),
    )


def _chosen(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the groups on the most data that are drawn: the best of each cell, then the best of the rest."""
    of_size = of_most_data(rows)
    first = ~of_size.duplicated("cell")
    kept = pd.concat([of_size[first], of_size[~first]]).head(MOST_GROUPS)
    return of_size[of_size["group"].isin(kept["group"])]


def _panel(
    rows: pd.DataFrame, runs: pd.DataFrame, settings: Mapping[str, Settings], looks: CellStyles
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the seeds of some groups, in the order of the cells, and the published numbers of the same measure."""
    ended = done(reported(runs))
    split = rows["split"].iloc[0]
    ordered = rows[rows["split"] == split].sort_values("cell", key=lambda names: names.map(list(looks).index))
    needed = ordered.duplicated(
        SHAPE, keep=False
    )  # a label omits the settings that distinguish its group only from groups that are not drawn
    ordered = ordered.assign(settings=ordered["settings"].where(needed, ""))
    columns = [
        "task_label",
        "cell",
        "hidden_size",
        "num_layers",
        "settings",
        "group",
        "split",
        "metric",
        "mean",
        "low",
        "high",
        "n",
        "repeat",
    ]
    seeds = ended[["group", "seed", split]].rename(columns={split: "score"})
    points = ordered[columns].merge(seeds, on="group")
    found = beside(rows, runs, settings)
    meant = found["group"].isin(points["group"]) & (found["comparable"] != "no") & (found["split"] == split)
    return points, found[meant].assign(task_label=rows["task_label"].iloc[0])


def _figure(panels: list[pd.DataFrame], in_print: pd.DataFrame, looks: CellStyles) -> Figure:
    lines = [-(-len(panels) // 2), 2]
    most = max(panel["group"].nunique() for panel in panels)
    figure = Figure(figsize=(WIDTH, 0.6 + lines[0] * (0.75 + 0.3 * most)), layout="constrained")
    grid = figure.subplots(*lines, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        _draw(axes, panel, in_print[in_print["group"].isin(panel["group"])], looks)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    handles = [_mark("D", TEXT_COLOUR, "mean and its interval")]
    if not in_print.empty:
        handles.append(_mark("x", TEXT_COLOUR, "published"))
    figure.legend(handles=handles, loc="outside upper right", ncols=2)
    return figure


def _draw(axes: Axes, panel: pd.DataFrame, in_print: pd.DataFrame, looks: CellStyles) -> None:
    groups = [own for _, own in panel.groupby("group", sort=False)]
    for y, own in enumerate(groups):
        first, style = own.iloc[0], looks[own["cell"].iloc[0]]
        lanes = y + np.linspace(-0.3, 0.0, len(own)) if len(own) > 1 else [y - 0.15]
        axes.scatter(
            own["score"], lanes, s=11, color=style.colour, marker=style.marker, alpha=0.7, linewidths=0, zorder=3
        )
        if not pd.isna(first["low"]):
            axes.plot([first["low"], first["high"]], [y + 0.2] * 2, color=TEXT_COLOUR, linewidth=1.6, zorder=4)
        axes.plot(first["mean"], y + 0.2, "D", color=TEXT_COLOUR, markersize=4, zorder=5)
        printed = in_print.loc[in_print["group"] == first["group"], "published"]
        axes.scatter(printed, [y + 0.2] * len(printed), s=28, color=TEXT_COLOUR, marker="x", linewidths=1.4, zorder=6)
    labels = [_label(own.iloc[0], looks, "\n") for own in groups]
    axes.set_yticks(range(len(groups)), labels, fontsize="small")
    axes.set_ylim(len(groups) - 0.5, -0.5)
    axes.set_title(fill(plain(panel["task_label"].iloc[0], 60), 20), loc="left", fontsize="medium")
    axes.set_xlabel(score_label(panel["metric"].iloc[0], panel["split"].iloc[0]), fontsize="small")
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _label(row: pd.Series, looks: CellStyles, apart: str = " ") -> str:
    cell = f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}"
    return apart.join(filter(None, (cell, plain(short_settings(row), 24))))


def _mark(marker: str, colour: str, label: str) -> Line2D:
    return Line2D([], [], marker=marker, color=colour, linestyle="none", markersize=6, label=label)


def _alt(frame: pd.DataFrame, looks: CellStyles) -> str:
    parts = []
    for task, own in frame.groupby("task_label", sort=False):
        rows = own.drop_duplicates("group")
        digits = decimals(rows)
        means = ", ".join(f"{_label(row, looks)} {number(row['mean'], digits)}" for _, row in rows.iterrows())
        parts.append(f"{plain(str(task), 40)}: {means}")
    return f"A panel of scores for each task. {'. '.join(parts)}."


def _caption(frame: pd.DataFrame, *, has_print: bool) -> str:
    in_print = " Cross: the published number of the same measure, one run each." if has_print else ""
    return (
        f"n = {spanned(frame.drop_duplicates('group')['n'], 'run')} per row (hidden size × layers), each small point "
        f"one {repeat_of(frame)}; at most {MOST_GROUPS} rows for a task, the best and each cell's best. Bar: 95 % "
        f"{BOOTSTRAP} interval of the mean.{in_print} No axis starts at zero, and each has its own."
    )


def _data(points: pd.DataFrame, in_print: pd.DataFrame) -> pd.DataFrame:
    columns = ["task_label", "cell", "hidden_size", "num_layers", "group", "paper", "table"]
    printed = in_print[columns].assign(score=in_print["published"]) if not in_print.empty else pd.DataFrame()
    frame = pd.concat([points.astype({"seed": object}), printed], ignore_index=True)
    return frame.astype(object).where(frame.notna(), "")
