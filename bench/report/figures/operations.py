"""The figure of `python -m bench speed --lstm-figure`: each cell's time over its operations, both over the LSTM's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report.figures.rows import WIDTH
from bench.report.figures.style import theme, write
from bench.results.labels import GREY, CellStyle, cell_styles

Row = Mapping[str, Any]

HEIGHT = 4.8
"""Inches of a panel."""

FONT = 8.0
LINE, LETTER, BESIDE, DOT = 1.25 * FONT, 0.58 * FONT, 7.0, 4.0
"""Points from a label to the next above, of a letter's width, from a dot to its label, and of a dot's half."""

OFFSETS: tuple[tuple[Literal["left", "right"], float], ...] = tuple(
    (side, sign * float(rise)) for rise in range(0, 150, 2) for side in ("left", "right") for sign in (1, -1)
)
"""Where a label may stand, the nearest first: its side that is at the dot, and points above."""

LEADER = {"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 1.0, "shrinkB": 3.0}

TICKS = (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)


def write_operations_figure(rows: Sequence[Row], path: Path) -> list[Path]:
    """Draw the cells of a measurement and write the figure as PNG and SVG under a path without its suffix."""
    with theme():
        return write(operations_figure(rows), path)


def operations_figure(rows: Sequence[Row]) -> Figure:
    """Return a dot for each cell, at the operations and the time of its step over those of the LSTM's.

    A panel holds one workload and kernel; bars span the quartiles over rounds. On the diagonal a cell takes as long as
    its operations say.
    """
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        panels.setdefault((row["workload"], row["kernel"]), []).append(row)
    titles = {row["cell"]: row["title"] for row in rows}
    count = Counter(titles.values())
    alone = (cell for cell, title in titles.items() if count[title] == 1 or title.lower() == cell)
    labels = {cell: f"{title} ({cell})" for cell, title in titles.items()} | {cell: titles[cell] for cell in alone}
    figure = Figure(figsize=(WIDTH, HEIGHT * len(panels)), layout="constrained")
    looks = cell_styles(titles)
    for axes, drawn in zip(figure.subplots(len(panels), squeeze=False).flat, panels.values(), strict=True):
        _dots(axes, drawn, looks)
        axes.set_title("{workload}, K = {K}, kernel {kernel}".format_map(drawn[0]))
    figure.draw_without_rendering()  # labels are placed where the layout has put the dots
    for axes, drawn in zip(figure.axes, panels.values(), strict=True):
        _labels(axes, drawn, labels, looks)
    return figure


def _dots(axes: Axes, drawn: Sequence[Row], looks: Mapping[str, CellStyle]) -> None:
    axes.axline((1.0, 1.0), (2.0, 2.0), color=GREY, linewidth=1.0, linestyle="--", zorder=1)
    for row in drawn:
        time, look, (low, high) = row["time_over_lstm"], looks[row["cell"]], row["iqr"]
        axes.errorbar(
            row["operations_over_lstm"],
            time,
            yerr=[[time - low], [high - time]],
            fmt=look.marker,
            color=look.colour,
            markersize=5,
            capsize=2.5,
        )
    axes.loglog()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator(TICKS))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.margins(x=0.12, y=0.08)
    axes.set_xlabel("operations of a step, over the LSTM's")
    axes.set_ylabel("time of a step, over the LSTM's")


def _labels(axes: Axes, drawn: Sequence[Row], labels: Mapping[str, str], looks: Mapping[str, CellStyle]) -> None:
    """Write each cell's label beside its dot, as near as other dots and labels allow."""
    to_points = 72 / axes.get_figure(root=True).dpi  # type: ignore[union-attr]
    spots = {row["cell"]: (row["operations_over_lstm"], row["time_over_lstm"]) for row in drawn}
    places = {cell: axes.transData.transform(spot) * to_points for cell, spot in spots.items()}
    taken = [(x - DOT, x + DOT, y) for x, y in places.values()]
    edge = axes.bbox.x1 * to_points
    for cell in sorted(spots, key=lambda each: float(places[each][1])):
        x, y = places[cell]
        width = LETTER * len(labels[cell])
        for side, rise in OFFSETS:
            left = x + BESIDE if side == "left" else x - BESIDE - width
            free = all(left > to or left + width < start or abs(y + rise - at) >= LINE for start, to, at in taken)
            if free and left + width < edge:
                break
        taken.append((left, left + width, y + rise))
        axes.annotate(
            labels[cell],
            spots[cell],
            xytext=(BESIDE if side == "left" else -BESIDE, rise),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=FONT,
            color=looks[cell].colour,
            arrowprops={**LEADER, "relpos": (0.0 if side == "left" else 1.0, 0.5)} if abs(rise) > DOT else None,
        ).set_in_layout(False)
