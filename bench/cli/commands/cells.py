"""List every cell, or show what is derived from one: its equations, their LaTeX, the C++, the backward pass."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from bench.cli.commands.tables import declare as declare_table
from bench.cli.commands.tables import show
from bench.core.errors import ConfigError, did_you_mean
from bench.core.yaml_files import nodes

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
    print(_shown()[arguments.show or "equations"](found[arguments.cell]))
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


def _shown() -> Mapping[str, Callable[[Mapping[str, Any]], str]]:
    from bench.cells import cell_of
    from bench.cells.latex import latex
    from bench.kernels.fused.source import source_of

    return {
        "equations": lambda node: (
            f"{cell_of(node).title}: {cell_of(node).source}\n\n{cell_of(node).equations}".rstrip()
        ),
        "latex": lambda node: latex(cell_of(node)),
        "c++": lambda node: source_of(cell_of(node)).rstrip(),
        "backward": lambda node: cell_of(node).derivation.described(),
    }


__all__ = ["declare", "run"]
