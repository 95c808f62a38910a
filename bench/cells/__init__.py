"""Cells: the equations of one recurrent step as data, and everything that is derived from them."""

from __future__ import annotations

from bench.cells.cell import Cell
from bench.cells.definition import cell_of, recorded, shipped_cell
from bench.core.cell_words import shipped

__all__ = ["Cell", "cell_of", "recorded", "shipped", "shipped_cell"]
