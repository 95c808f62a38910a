"""What a kernel computes: the classes of cells, their fields, and the supported values of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import get_args

from bench.cells.base import Biases, Cell

Known = Mapping[type, Mapping[str, tuple[object, ...]]]
"""Class of a cell to field to its supported values; `ANY` if no step depends on the field.

A class stands for its own equations: a subclass may compute another step, and an unlisted field may change one.
"""

ANY: tuple[object, ...] = ()
BIASES: tuple[object, ...] = get_args(Biases)

LABELS = ("name", "kind")
"""Fields that only identify the cell."""


def unknown_of(cell: Cell, known: Known) -> str:
    """Return in words the first part of a cell that is not supported; empty if all of it is."""
    fields = known.get(type(cell))
    if fields is None:
        return f"a cell of kind `{getattr(cell, 'kind', cell.name)}`"
    for field in dataclasses.fields(cell):  # type: ignore[arg-type]
        if field.name in LABELS:
            continue
        if field.name not in fields:
            return f"its field `{field.name}`"
        value = getattr(cell, field.name)
        if fields[field.name] and value not in fields[field.name]:
            return f"`{field.name}: {value}`"
    return ""
