"""How a cell looks, the same in every figure: its printed name, colour, marker and place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import matplotlib as mpl
import seaborn as sns

from bench.report.wording import plain

INK = "#202124"
GREY = "#5f6368"

ORDER = ("gru", "gru_before", "lstm", "lstm_b", "lstm_peephole", "tanh")
NAMES = {
    "gru": "GRU",
    "gru_before": "GRU (reset before)",
    "lstm": "LSTM",
    "lstm_b": "LSTM (forget bias 1)",
    "lstm_peephole": "LSTM (peepholes)",
}
COLOURS = {
    "gru": "#0072B2",
    "gru_before": "#3A9BCF",
    "lstm": "#D55E00",
    "lstm_b": "#CC79A7",
    "lstm_peephole": "#B07D00",
    "tanh": "#009E73",
}
OTHER_COLOURS = ("#5B5B5B", "#7B5EA7", "#8C564B", "#2E8B8B", "#A0A000")
MARKERS = {"gru": "o", "gru_before": "h", "lstm": "s", "lstm_b": "d", "lstm_peephole": "p", "tanh": "^"}
OTHER_MARKERS = ("D", "v", "P", "X", "<", ">")


@dataclass(frozen=True)
class Ink:
    """A cell's looks. Colours after Okabe and Ito (2008) are told apart with any colour vision; markers help."""

    name: str
    colour: str
    marker: str


Inks = Mapping[str, Ink]
"""Cell to its looks, in the order in which cells are listed."""


def inks(cells: Iterable[str]) -> dict[str, Ink]:
    """Return the looks of all cells of a report: gru, lstm, tanh first, the others by name."""
    others = cycle(zip(OTHER_COLOURS, OTHER_MARKERS, strict=False))
    ordered = sorted(set(cells), key=lambda cell: (ORDER.index(cell) if cell in ORDER else len(ORDER), cell))
    looks = {}
    for cell in ordered:
        colour, marker = (COLOURS[cell], MARKERS[cell]) if cell in ORDER else next(others)
        looks[cell] = Ink(NAMES.get(cell, plain(cell, 24)), colour, marker)
    return looks


@contextmanager
def theme() -> Iterator[None]:
    """Draw in seaborn's white style, with readable sizes and text taken literally (a name may hold a dollar sign)."""
    style = sns.axes_style("whitegrid")
    sizes = sns.plotting_context("paper", font_scale=1.15)
    ours: dict[Any, Any] = {
        "axes.edgecolor": "#9aa0a6",
        "axes.labelcolor": INK,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "white",
        "font.family": ["sans-serif"],
        "font.sans-serif": ["DejaVu Sans"],
        "grid.color": "#e8eaed",
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "svg.hashsalt": "gatebench",
        "text.color": INK,
        "text.parse_math": False,
        "xtick.color": "#3c4043",
        "ytick.color": "#3c4043",
    }
    with mpl.rc_context({**style, **sizes, **ours}):
        yield
