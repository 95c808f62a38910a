"""Score against size, where several hidden sizes or numbers of layers were run."""

from __future__ import annotations

from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from bench.core.wording import better, quantity, score_label, short, spanned
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart, Section
from bench.results.labels import GREY, CellStyle, CellStyles
from bench.results.summary import done, of_most_data, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP

LineStyle = Literal["solid", "dashed", "dotted", "dashdot"]

LINES: tuple[LineStyle, ...] = ("solid", "dashed", "dotted", "dashdot")

X = "num_params_recurrent"


def size(table: pd.DataFrame, runs: pd.DataFrame, looks: CellStyles, stem: str) -> Section | None:
    """Return the scores of one task against recurrent parameters, or None where only one size was run."""
    split = "test" if (table["split"] == "test").any() else "validation"
    known = of_most_data(table[(table["n"] > 0) & (table["split"] == split)]).dropna(subset=[X])
    if known.groupby("cell")[X].nunique().max() < 2 or known.empty:
        return None
    known = known.drop_duplicates(["cell", "hidden_size", "num_layers"])
    n_left_out = int((table["n"] > 0).sum()) - len(known)
    points = _points(known, runs, split)
    chart = Chart(
        name=f"{stem}-size",
        alt=_alt(known, looks),
        caption=_caption(known, n_left_out),
        figure=_figure(known, points, split, looks),
        data=points,
    )
    return Section("Score against size", (_text(known),), chart=chart)


def _points(known: pd.DataFrame, runs: pd.DataFrame, split: str) -> pd.DataFrame:
    runs = done(reported(runs))
    columns = ["cell", "hidden_size", "num_layers", X, "group", "seed", split]
    means = known[["group", "mean", "low", "high", "n"]]
    return runs.loc[runs["group"].isin(known["group"]), columns].merge(means, on="group")


def _figure(known: pd.DataFrame, points: pd.DataFrame, split: str, looks: CellStyles) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    layers = sorted(known["num_layers"].unique())
    for (cell, n), rows in known.groupby(["cell", "num_layers"]):
        style, line = looks[str(cell)], LINES[layers.index(n) % len(LINES)]
        _draw_line(axes, rows.sort_values(X), style, line)
        own = points[(points["cell"] == cell) & (points["num_layers"] == n)]
        axes.scatter(own[X], own[split], s=9, color=style.colour, marker=style.marker, alpha=0.35, linewidths=0)
    _scale_x(axes, known)
    axes.set_xlabel("recurrent parameters")
    axes.set_ylabel(f"{score_label(known['metric'].iloc[0], split)},\n{better(known['direction'].iloc[0])}")
    handles = _handles(known, layers, looks)
    figure.legend(handles=handles, loc="outside upper left", ncols=min(5, len(handles)))
    return figure


def _draw_line(axes: Axes, rows: pd.DataFrame, style: CellStyle, line: LineStyle) -> None:
    axes.plot(
        rows[X],
        rows["mean"],
        color=style.colour,
        linestyle=line,
        linewidth=1.8,
        marker=style.marker,
        markersize=6,
    )
    bars = rows.dropna(subset=["low"])
    around = [(bars["mean"] - bars["low"]).clip(lower=0), (bars["high"] - bars["mean"]).clip(lower=0)]
    axes.errorbar(bars[X], bars["mean"], yerr=around, fmt="none", ecolor=style.colour, elinewidth=1.4, capsize=3)


def _scale_x(axes: Axes, known: pd.DataFrame) -> None:
    axes.grid(visible=True, axis="both")
    if known[X].max() > 5 * known[X].min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def _handles(known: pd.DataFrame, layers: list[int], looks: CellStyles) -> list[Line2D]:
    cells = [looks[cell] for cell in looks if cell in set(known["cell"])]
    handles = [
        Line2D([], [], color=style.colour, marker=style.marker, linewidth=1.8, label=style.name) for style in cells
    ]
    if len(layers) > 1:
        for i, n in enumerate(layers):
            line = LINES[i % len(LINES)]
            handles.append(Line2D([], [], color=GREY, linestyle=line, label=quantity(int(n), "layer")))
    return handles


def _text(known: pd.DataFrame) -> str:
    matched = "Cells at the same place on the axis have equally many recurrent parameters, not equally many units."
    return f"{quantity(len(known), 'size')} over {quantity(known['cell'].nunique(), 'cell')}. {matched}"


def _caption(known: pd.DataFrame, n_left_out: int) -> str:
    left_out = f" {quantity(n_left_out, 'row')} with other settings or another split not drawn." if n_left_out else ""
    return (
        f"n = {spanned(known['n'], 'run')} per marker, each small point one {repeat_of(known)}. Large marker: mean. "
        f"Bar: 95 % {BOOTSTRAP} interval of the mean. Lines join the sizes of one cell and are no model of what lies "
        f"between.{left_out}"
    )


def _alt(known: pd.DataFrame, looks: CellStyles) -> str:
    rows = known.sort_values(["cell", X])
    means = "; ".join(
        f"{looks[row.cell].name} {row[X]:,.0f} parameters {row['mean']:.4g}" for _, row in rows.iterrows()
    )
    return f"Mean score against recurrent parameters: {means}."
