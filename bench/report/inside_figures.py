"""Figures of what is inside trained models: gradients by lag, and histograms of gates."""

from __future__ import annotations

import textwrap

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter

from bench.report.ink import GREY, Inks
from bench.report.rows import WIDTH
from bench.report.wording import NO_BREAK

LEAST = 1e-6
"""What lies below this is off the figure: a million times less than at lag 1."""

LINES = ("solid", "dashed", "dotted", "dashdot")


def reach_figure(data: pd.DataFrame, looks: Inks) -> Figure:
    """Return the gradient's norm against the lag, one line for each model, its quartiles as a band."""
    figure = Figure(figsize=(WIDTH, 3.9), layout="constrained")
    axes = figure.subplots()
    n_drawn: dict[str, int] = {}
    for (model, cell), rows in data.groupby(["model", "cell"], sort=False):
        ink, i = looks[str(cell)], n_drawn.setdefault(str(cell), 0)
        n_drawn[str(cell)] += 1
        axes.plot(rows["lag"], rows["median"], color=ink.colour, linestyle=LINES[i % 4], linewidth=2, label=str(model))
        axes.fill_between(rows["lag"], rows["low"], rows["high"], color=ink.colour, alpha=0.18, linewidth=0)
    axes.axhline(0.01, color=GREY, linewidth=0.9, linestyle="dashed")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_ylim(bottom=max(LEAST, 0.5 * data["low"].min()))
    axes.set_xlim(1, data["lag"].max())
    axes.set_xlabel("lag (steps back from the loss)")
    axes.set_ylabel("gradient of the state,\nrelative to lag 1")
    figure.legend(loc="outside upper left", ncols=3)
    return figure


def gates_figure(data: pd.DataFrame, looks: Inks) -> Figure:
    """Return one row of histograms for each layer of each model, one for each gate."""
    lines = list(data.groupby(["model", "layer"], sort=False))
    n_columns = max(rows["gate"].nunique() for _, rows in lines)
    figure = Figure(figsize=(WIDTH, 0.5 + 1.65 * len(lines)), layout="constrained")
    grid = figure.subplots(len(lines), n_columns, squeeze=False, sharex=True, sharey="row")
    for panels, ((model, layer), rows) in zip(grid, lines, strict=True):
        colour = looks[str(rows["cell"].iloc[0])].colour
        gates = list(rows.groupby("gate", sort=False))
        for panel in panels[len(gates) :]:
            panel.set_visible(False)
        for panel, (gate, own) in zip(panels, gates, strict=False):
            _histogram(panel, own, colour, str(gate))
        several = data.loc[data["model"] == model, "layer"].nunique() > 1
        panels[0].set_ylabel(_wrapped(str(model)) + (f"\nlayer {layer}" if several else ""), fontsize="small")
    return figure


def _wrapped(label: str) -> str:
    """Return a label in lines that a panel is high enough for; a size is not broken."""
    return textwrap.fill(label.replace(" × ", f"{NO_BREAK}×{NO_BREAK}"), 20)


def _histogram(axes: Axes, rows: pd.DataFrame, colour: str, gate: str) -> None:
    axes.bar(
        rows["low"], rows["share"], width=rows["high"] - rows["low"], align="edge", color=colour, edgecolor="white"
    )
    axes.set_title(f"{gate} gate", fontsize="medium")
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axes.tick_params(labelbottom=True)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(visible=False, axis="x")
