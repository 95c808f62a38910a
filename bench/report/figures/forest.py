"""The forest of effect cards: a row for each comparison, all on one axis of differences over their margins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from bench.report.figures.rows import WIDTH
from bench.report.figures.style import theme, write
from bench.results.labels import GREY, TEXT_COLOUR
from bench.stats.card import Card

ROW, AXES = 0.34, 1.15
"""Inches of a row, and of axis and labels together."""

BAND = "#e8eaed"
FONT = 9.0

AXES_LINEAR = ((8.0, (-7, -5, -3, -1, 0, 1, 3, 5, 7)), (16.0, (-15, -10, -5, -1, 1, 5, 10, 15)))
"""Margins up to which the axis is linear, and its ticks: few near the band where the axis reaches far."""

LINTHRESH = 1.0
"""Margins beyond which an axis that reaches further is logarithmic."""

TICKS = (-1000, -300, -100, -30, -10, -3, -1, 0, 1, 3, 10, 30, 100, 300, 1000)


def write_forest(cards: Sequence[Card], path: Path) -> list[Path]:
    """Draw cards and write the figure as PNG and SVG under a path, with or without the suffix of one of them."""
    with theme():
        named = path if path.suffix in (".png", ".svg") else path.with_name(f"{path.name}.png")  # a name may hold a dot
        return write(forest(cards), named)


def forest(cards: Sequence[Card]) -> Figure:
    """Return a dot and an interval for each card, in units of its margin, which is the band from -1 to 1.

    To the left of the band the left side is better, whichever direction of the score that is.
    """
    figure = Figure(figsize=(WIDTH, AXES + ROW * len(cards)), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(-1, 1, color=BAND, zorder=0)
    axes.axvline(0, color=GREY, linewidth=1.0, zorder=1)
    reach = 3.0
    for row, card in enumerate(cards):
        found = card.in_margins()
        mean, ends = found.mean, (found.low, found.high)
        axes.plot(ends, (row, row), color=TEXT_COLOUR, linewidth=1.6)
        axes.plot(mean, row, "o", color=TEXT_COLOUR, markersize=5)
        reach = max(reach, *(1.25 * abs(each) for each in (mean, *ends) if math.isfinite(each)))
        place = {"xycoords": ("axes fraction", "data"), "va": "center", "fontsize": FONT}
        axes.annotate(card.word, (1.02, row), annotation_clip=False, **place)  # type: ignore[arg-type]
    ticks = next((marks for limit, marks in AXES_LINEAR if reach <= limit), TICKS)
    if ticks is TICKS:
        axes.set_xscale("symlog", linthresh=LINTHRESH, linscale=0.5)
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(FixedLocator([each for each in ticks if abs(each) <= reach]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.tick_params(axis="x", labelsize=FONT)
    axes.xaxis.set_minor_locator(NullLocator())
    pairs = [f"{card.left} – {card.right}" for card in cards]
    labels = [f"{card.task}: {pair}" if card.task else pair for card, pair in zip(cards, pairs, strict=True)]
    axes.set_yticks(range(len(cards)), labels, fontsize=FONT)
    axes.set_ylim(len(cards) - 0.5, -0.5)
    note = f"interval of {100 * cards[0].confidence:.4g} %; band: within the margin"
    note += f"; logarithmic beyond {LINTHRESH:g}" if ticks is TICKS else ""
    axes.set_xlabel(f"first better  ←  difference, in margins  →  second better\n{note}", fontsize=FONT)
    axes.grid(visible=False, axis="y")
    return figure
