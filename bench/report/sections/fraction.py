"""Score against training data, for runs on several fractions of the training split."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.core.wording import better, count, decimals, interval, number, quantity, score_label, spanned
from bench.report.figures.rows import WIDTH
from bench.report.section import Chart, Entry, Section, Table
from bench.results.frames import SIZED
from bench.results.labels import CellStyle, CellStyles, size_label
from bench.results.summary import at_fractions, best_groups, done, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP

X = "train_fraction"

HEADERS = ("Cell", "Hidden × layers", "Share of the training split", "Mean", "95 % interval", "n", "Updates")


def fraction(table: pd.DataFrame, runs: pd.DataFrame, looks: CellStyles, stem: str) -> Section | None:
    """Return the scores of one task against the fraction trained on, or None if there is only one fraction."""
    split = "test" if (table["split"] == "test").any() else "validation"
    scored = table[(table["n"] > 0) & (table["split"] == split)]
    if scored[X].nunique() < 2:
        return None
    known = _known(scored)
    points = _points(known, runs, split)
    chart = Chart(
        name=f"{stem}-fraction",
        alt=_alt(known, looks),
        caption=_caption(known, len(scored) - len(known)),
        figure=_figure(known, points, split, looks),
        data=points,
    )
    rows = tuple(_entries(row, points, looks, decimals(known)) for _, row in known.iterrows())
    caption = f"The numbers of the figure: mean {score_label(known['metric'].iloc[0], split)}; median updates of a run."
    return Section("Score against training data", (_text(known),), Table(HEADERS, rows, caption), chart)


def _known(scored: pd.DataFrame) -> pd.DataFrame:
    """Return the groups drawn for each cell: the size that is best on most data, at its best settings per fraction.

    A size trained on several fractions takes precedence over one trained on a single fraction.
    """
    parts = []
    for _, every in scored.groupby("cell", sort=False):
        swept = every[every.groupby(SIZED)[X].transform("nunique") > 1]
        of_cell = every if swept.empty else swept
        at_most = of_cell[of_cell[X] == of_cell[X].max()]
        parts += [at_fractions(of_cell, row) for _, row in best_groups(at_most).iterrows()]
    return pd.concat(parts).sort_values(["cell", X])


def _points(known: pd.DataFrame, runs: pd.DataFrame, split: str) -> pd.DataFrame:
    runs = done(reported(runs))
    columns = ["cell", "hidden_size", "num_layers", X, "settings", "group", "seed", "n_updates", split]
    means = known[["group", "mean", "low", "high", "n"]]
    return runs.loc[runs["group"].isin(known["group"]), columns].merge(means, on="group")


def _figure(known: pd.DataFrame, points: pd.DataFrame, split: str, looks: CellStyles) -> Figure:
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    cells = [cell for cell in looks if cell in set(known["cell"])]
    for cell in cells:
        _draw(axes, known[known["cell"] == cell], points[points["cell"] == cell], split, looks[cell])
    axes.set_xscale("log")
    axes.grid(visible=True, axis="both")
    axes.xaxis.set_major_locator(FixedLocator(sorted(known[X].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("share of the training split, logarithmic")
    axes.set_ylabel(f"{score_label(known['metric'].iloc[0], split)},\n{better(known['direction'].iloc[0])}")
    handles = [
        Line2D([], [], color=looks[cell].colour, marker=looks[cell].marker, linewidth=1.8, label=looks[cell].name)
        for cell in cells
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(5, len(handles)))
    return figure


def _draw(axes: Axes, rows: pd.DataFrame, points: pd.DataFrame, split: str, style: CellStyle) -> None:
    axes.plot(rows[X], rows["mean"], color=style.colour, linewidth=1.8, marker=style.marker, markersize=6)
    bars = rows.dropna(subset=["low"])
    around = [(bars["mean"] - bars["low"]).clip(lower=0), (bars["high"] - bars["mean"]).clip(lower=0)]
    axes.errorbar(bars[X], bars["mean"], yerr=around, fmt="none", ecolor=style.colour, elinewidth=1.4, capsize=3)
    axes.scatter(points[X], points[split], s=9, color=style.colour, marker=style.marker, alpha=0.35, linewidths=0)


def _entries(row: pd.Series, points: pd.DataFrame, looks: CellStyles, digits: int) -> tuple[Entry, ...]:
    n_updates = float(points.loc[points["group"] == row["group"], "n_updates"].median())
    return (
        Entry(looks[row["cell"]].name),
        Entry(size_label(row["hidden_size"], row["num_layers"]), row["hidden_size"]),
        Entry(f"{row[X]:g}", row[X]),
        Entry(number(row["mean"], digits), row["mean"]),
        Entry(interval(row["low"], row["high"], digits)),
        Entry(f"{row['n']}", row["n"]),
        Entry(count(n_updates), n_updates),
    )


def _text(known: pd.DataFrame) -> str:
    n_shares, n_cells = known[X].nunique(), known["cell"].nunique()
    return (
        f"{quantity(n_shares, 'share')} of the training split over {quantity(n_cells, 'cell')}. At each "
        f"{repeat_of(known)} all cells are trained on the same part, and the smaller part lies in the larger one. "
        "Where the budget is in epochs, less data is fewer updates too."
    )


def _caption(known: pd.DataFrame, n_left_out: int) -> str:
    left_out = f" {quantity(n_left_out, 'row')} with other sizes or settings not drawn." if n_left_out else ""
    return (
        f"n = {spanned(known['n'], 'run')} per marker, each small point one {repeat_of(known)}. Large marker: mean. "
        f"Bar: 95 % {BOOTSTRAP} interval of the mean. Each cell has the size and settings with the best validation "
        f"score; lines join its shares and are no model of what lies between.{left_out}"
    )


def _alt(known: pd.DataFrame, looks: CellStyles) -> str:
    means = "; ".join(
        f"{looks[row['cell']].name} at {row[X]:g} {row['mean']:.4g}"
        for _, row in known.sort_values(["cell", X]).iterrows()
    )
    return f"Mean score against the share of the training split that was trained on: {means}."
