"""List every cell, or show what is derived from one: its equations, their LaTeX, the C++, the backward pass."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bench.cli.commands.tables import declare as declare_table
from bench.cli.commands.tables import show
from bench.core.errors import ConfigError, did_you_mean
from bench.core.yaml_files import nodes

if TYPE_CHECKING:
    from bench.cells import Cell

COLUMNS = ("cell", "title", "states", "gates", "products", "settings", "parameters", "kernels", "source")
UNITS = 64
"""Inputs and hidden units that parameters are counted at."""

SHOWN = ("equations", "latex", "c++", "backward")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    declare_table(parser)
    parser.add_argument("cell", nargs="?", help="a cell to show")
    parser.add_argument("--show", choices=SHOWN, help="what is derived from its equations")


def run(arguments: argparse.Namespace) -> int:
    """Print the list, or what is derived from one cell, and return the exit status."""
    found = {str(node["name"]): node for node in nodes("cell")}
    if arguments.cell is None:
        return show([_row(node) for node in found.values()], COLUMNS, as_json=arguments.json)
    if arguments.cell not in found:
        raise ConfigError("cell", f"unknown cell {arguments.cell!r}; {did_you_mean(arguments.cell, found)}")
    from bench.cells import cell_of

    print(_shown(cell_of(found[arguments.cell]), arguments.show or "equations"))
    return 0


def _row(node: Mapping[str, Any]) -> dict[str, Any]:
    from bench.cells import cell_of
    from bench.kernels import available

    cell = cell_of(node)
    return {
        "cell": cell.name,
        "title": cell.title,
        "states": list(cell.states),
        "gates": list(cell.gates),
        "products": list(cell.products),
        "settings": {**dict(cell.fields), "biases": cell.biases},
        "parameters": sum(weight.size for weight in cell.weights(UNITS, UNITS).values()),
        "kernels": list(available()),
        "source": cell.source,
    }


def _shown(cell: Cell, what: str) -> str:
    from bench.cells.latex import latex

    if what == "latex":
        return latex(cell)
    if what == "c++":
        return _cpp(cell)
    if what == "backward":
        return cell.derivation.described()
    return f"{cell.title}: {cell.source}\n\n{cell.equations}".rstrip()


def _cpp(cell: Cell) -> str:
    """Return what is printed in C++, under a line that says where it lies."""
    import torch

    from bench.kernels.fused.build import BuildError, source_path
    from bench.kernels.fused.source import source_of

    try:
        place = f"{source_path(cell, torch.float32)}, once the library is built"
    except BuildError as error:
        place = f"not built here: {error}"
    return f"// {place}\n{source_of(cell)}".rstrip()


__all__ = ["declare", "run"]
