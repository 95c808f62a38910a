"""List every task: family, metric, size and where its data come from."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from bench.cli.commands.tables import declare, show
from bench.core.errors import BenchError
from bench.core.yaml_files import nodes

COLUMNS = ("task", "kind", "metric", "train", "validation", "test", "unit", "source")

__all__ = ["declare", "run"]


def run(arguments: argparse.Namespace) -> int:
    """Print the list and return the exit status."""
    rows = [_row(node, arguments.data_dir) for node in nodes("task")]
    return show(rows, COLUMNS, as_json=arguments.json)


def _row(node: Mapping[str, Any], data_dir: str | None) -> dict[str, Any]:
    """Return a row of the task list; a task that cannot be read says why instead of hiding the others."""
    from bench.tasks.sources import state
    from bench.tasks.spec import task_spec

    try:
        spec = task_spec(node, f"task.{node.get('name')}")
    except BenchError as error:
        return {"task": node.get("name"), "kind": "-", "source": f"invalid: {error}"}
    units = {name: split.units for name, split in (spec.statistics or {}).items()}
    unit = "frame" if spec.kind == "piano_roll" else str(getattr(spec, "level", ""))
    source = state(spec, data_dir)
    return {
        "task": spec.name,
        "title": spec.title,
        "version": spec.version,
        "kind": spec.kind,
        "metric": spec.metric,
        **units,
        "unit": unit,
        "source": source.text,
        "source_kind": source.kind,
        "licence": spec.licence,
    }
