"""List every cell: its gates, states, settings and the source of its equations."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from bench.cli.commands.tables import declare, show
from bench.core.schema import fields_of
from bench.core.yaml_files import nodes

COLUMNS = ("cell", "gates", "states", "settings", "source")

__all__ = ["declare", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Print the list and return the exit status."""
    return show([_row(node) for node in nodes("cell")], COLUMNS, as_json=arguments.json)


def _row(node: Mapping[str, Any]) -> dict[str, Any]:
    from bench.cells import cell_of

    cell = cell_of(node)
    return {
        "cell": cell.name,
        "gates": list(cell.gates),
        "states": list(cell.states),
        "settings": {key: getattr(cell, key) for key in fields_of(type(cell)) if key not in ("name", "kind")},
        "source": f"{cell.source.paper}, {cell.source.equations}",
    }
