"""Labels of groups, file names of tasks, and the style of each cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import pandas as pd

from bench.core.digest import digest_of
from bench.core.wording import plain
from bench.results.run import slug


def size_label(hidden_size: int, num_layers: int) -> str:
    """Return the shape of a group: hidden size by layers."""
    return f"{hidden_size} × {num_layers}"


def group_label(row: pd.Series, looks: CellStyles) -> str:
    """Return the label of a group within its task: cell, shape, and the settings in which groups differ."""
    shape = size_label(row["hidden_size"], row["num_layers"])
    return f"{looks[row['cell']].name} {shape} {short_settings(row)}".rstrip()


def short_settings(row: pd.Series) -> str:
    """Return a group's distinguishing settings for a label, each by the last part of its name."""
    return plain(re.sub(r"[\w.]+\.(?=\w+=)", "", row["settings"]), 44)


def budget_label(row: pd.Series) -> str:
    """Return the budget that a group's hidden size was solved for, "" if there is none."""
    budget, unit = row["size_budget"], plain(row["unit"], 20) or "unit"
    if row["size_mode"] == "hidden" or math.isnan(budget):
        return ""
    if row["size_mode"] == "seconds":
        return f"{budget:g} µs of training per {unit}"
    where = "in the recurrent layers" if row["size_count"] == "recurrent" else "in all"
    what = "parameters" if row["size_mode"] == "params" else f"floating-point operations per {unit}"
    return f"{budget:,.0f} {what} {where}"


def file_stem(task: Sequence[object]) -> str:
    """Return a file name for a task (name, version, data) that no other task has, whatever its name."""
    name, version, data = map(str, task)
    return f"{slug(name)}-{digest_of([name, version, data])[:6]}"


TEXT_COLOUR = "#202124"


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
class CellStyle:
    """A cell's looks. Colours after Okabe and Ito (2008) are told apart with any colour vision; markers help."""

    name: str
    colour: str
    marker: str


CellStyles = Mapping[str, CellStyle]
"""Cell to its looks, in the order in which cells are listed."""


def cell_styles(cells: Iterable[str]) -> dict[str, CellStyle]:
    """Return the looks of all cells of a report: gru, lstm, tanh first, the others by name."""
    others = cycle(zip(OTHER_COLOURS, OTHER_MARKERS, strict=False))
    ordered = sorted(set(cells), key=lambda cell: (ORDER.index(cell) if cell in ORDER else len(ORDER), cell))
    looks = {}
    for cell in ordered:
        colour, marker = (COLOURS[cell], MARKERS[cell]) if cell in ORDER else next(others)
        looks[cell] = CellStyle(NAMES.get(cell, plain(cell, 24)), colour, marker)
    return looks
