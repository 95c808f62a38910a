"""Labels of groups, file names of tasks, and the style of each cell."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pandas as pd

from bench.core.cell_words import NO_WORDS, CellWords, cell_words, shipped, title_of
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


OTHER_COLOURS = ("#5B5B5B", "#7B5EA7", "#8C564B", "#2E8B8B", "#A0A000")


OTHER_MARKERS = ("D", "v", "P", "X", "<", ">")
"""Looks of cells that have none of their own."""


@dataclass(frozen=True)
class CellStyle:
    """A cell's looks and words.

    Colours after Okabe and Ito (2008) are told apart with any colour vision; markers help.
    """

    name: str
    colour: str
    marker: str
    words: CellWords = NO_WORDS


CellStyles = Mapping[str, CellStyle]
"""Cell to its looks, in the order in which cells are listed."""


def cell_styles(cells: Iterable[str], nodes: Iterable[str] = ()) -> dict[str, CellStyle]:
    """Return the looks of all cells of a report: the shipped ones first, the others by name.

    `nodes` are what records keep of some of them, as JSON. A title or a colour that a cell before has is not taken
    again: of two cells with one title, the second is told by its name as well.
    """
    kept: dict[str, Mapping[str, Any]] = {}
    for text in sorted(set(nodes)):
        node = json.loads(text)
        kept.setdefault(str(node["name"]), node)
    others = cycle(zip(OTHER_COLOURS, OTHER_MARKERS, strict=False))
    looks: dict[str, CellStyle] = {}
    for cell in sorted(set(cells), key=lambda cell: (cell not in shipped(), cell)):
        words = cell_words(kept.get(cell, {"name": cell}))
        is_new = words.colour.lower() not in {look.colour.lower() for look in looks.values()}
        own = (words.colour, words.marker) if words.colour and words.marker and is_new else next(others)
        name = title_of(cell, words)
        if name in {look.name for look in looks.values()}:
            name = f"{name} ({plain(cell, 24)})"
        looks[cell] = CellStyle(name, *own, words)
    return looks


def styles_of(runs: pd.DataFrame, others: Iterable[str] = ()) -> dict[str, CellStyle]:
    """Return the looks of the cells of some runs, and of others of which no record is known."""
    return cell_styles([*runs["cell"], *others], runs["cell_node"])
