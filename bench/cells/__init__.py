"""Cells: the equations of one recurrent step, one file per cell.

A new cell is a frozen dataclass with the members of `base.Cell`, a line in `KINDS`, and a YAML in `conf/cell/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from bench.cells.base import Cell
from bench.cells.gru import GRU
from bench.cells.lstm import LSTM
from bench.cells.tanh import Tanh
from bench.core.errors import ConfigError, did_you_mean
from bench.core.schema import build

KINDS: dict[str, type] = {"gru": GRU, "lstm": LSTM, "tanh": Tanh}
"""What a YAML's `kind` may name."""


def cell_of(node: Mapping[str, Any], where: str = "cell") -> Cell:
    """Build the cell that a node's `kind` names. Raises ConfigError for an unknown kind, key or value."""
    kind = node.get("kind")
    if kind not in KINDS:
        raise ConfigError(f"{where}.kind", f"unknown cell {kind!r}; {did_you_mean(str(kind), KINDS)}")
    return cast(Cell, build(KINDS[kind], node, where))


__all__ = ["KINDS", "Cell", "cell_of"]
