"""The figure of `python -m bench speed`: how many times as fast as torch.nn, one panel per kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bench.report.figures.rows import WIDTH
from bench.report.figures.style import theme, write
from bench.results.labels import GREY, CellStyle, cell_styles

PEER = "torch.nn"

SPREAD = 0.5
"""How far apart the first and the last cell of a workload lie, in rows."""


def write_speed_figure(rows: Sequence[Mapping[str, Any]], path: Path) -> list[Path]:
    """Draw the rows of a measurement and write the figure as PNG and SVG under a path without its suffix."""
    with theme():
        return write(speed_figure(pd.DataFrame(rows)), path)


def speed_figure(table: pd.DataFrame) -> Figure:
    """Return the ratios to torch.nn by workload and cell; bars span the quartiles over rounds.

    A panel holds one kernel, and each point divides by torch.nn's time for the same cell: the height of a GRU's point
    over an LSTM's says how torch.nn runs them, not which cell is faster. Cells that torch.nn has not are left out.
    """
    drawn = table[(table["kernel"] != PEER) & table["ratio_to_torch_nn"].notna()]
    kernels, workloads = list(drawn["kernel"].unique()), list(drawn["workload"].unique())
    looks = cell_styles(drawn["cell"])
    figure = Figure(figsize=(WIDTH, 1.5 + 0.55 * len(workloads)), layout="constrained")
    panels = figure.subplots(1, len(kernels), sharex=True, sharey=True, squeeze=False)[0]
    for axes, kernel in zip(panels, kernels, strict=True):
        _panel(axes, drawn[drawn["kernel"] == kernel], workloads, looks)
        axes.set_title(kernel)
    sns.despine(figure, left=True)
    names = [f"{name} (K = {drawn.loc[drawn['workload'] == name, 'K'].iloc[0]})" for name in workloads]
    panels[0].set_yticks(range(len(workloads)), names)
    panels[0].set_ylim(len(workloads) - 0.5, -0.5)
    figure.supxlabel(f"times as fast as {PEER} on the same cell", fontsize="medium")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    return figure


def _panel(axes: Axes, of_kernel: pd.DataFrame, workloads: Sequence[str], looks: Mapping[str, CellStyle]) -> None:
    axes.axvline(1.0, color=GREY, linewidth=1.0, linestyle="--")
    for place, (cell, cell_style) in enumerate(looks.items()):
        of_cell = of_kernel[of_kernel["cell"] == cell]
        shift = SPREAD * (place - (len(looks) - 1) / 2) / max(len(looks) - 1, 1)
        ratios = of_cell["ratio_to_torch_nn"].to_numpy()
        ys = [workloads.index(name) + shift for name in of_cell["workload"]]
        quartiles = of_cell["ratio_iqr"]
        bars = [
            [ratio - low for ratio, (low, _) in zip(ratios, quartiles, strict=True)],
            [high - ratio for ratio, (_, high) in zip(ratios, quartiles, strict=True)],
        ]
        axes.errorbar(
            ratios,
            ys,
            xerr=bars,
            fmt=cell_style.marker,
            color=cell_style.colour,
            label=cell_style.name,
            markersize=5,
            capsize=2.5,
        )
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(LogLocator(base=2))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.grid(visible=False, axis="y")
