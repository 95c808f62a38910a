"""The commands that are no training: tasks, cells, validate, report, speed."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.config import conf_dir, options
from bench.errors import BenchError, ConfigError, UsageError, did_you_mean
from bench.guard import guard
from bench.schema import fields_of


def run_command(words: Sequence[str]) -> int:
    """Run one command and return the exit status. Raises UsageError for a word that is no command."""
    if words[0] not in COMMANDS:
        raise UsageError(f"unknown command `{words[0]}`; {did_you_mean(words[0], COMMANDS)}")
    command = COMMANDS[words[0]]
    parser = argparse.ArgumentParser(prog=f"python -m bench {words[0]}", description=command.__doc__)
    ARGUMENTS[words[0]](parser)
    return command(parser.parse_args(list(words[1:])))


def tasks(arguments: argparse.Namespace) -> int:
    """List every task: family, metric, size and where its data come from."""
    rows = [_task_row(node, arguments.data_dir) for node in _nodes("task")]
    return _show(rows, arguments, ("task", "kind", "metric", "train", "validation", "test", "unit", "source"))


def cells(arguments: argparse.Namespace) -> int:
    """List every cell: its gates, states, settings and the source of its equations."""
    from bench.cells import cell_of

    rows = []
    for node in _nodes("cell"):
        cell = cell_of(node)
        settings = {key: getattr(cell, key) for key in fields_of(type(cell)) if key not in ("name", "kind")}
        source = f"{cell.source.paper}, {cell.source.equations}"
        rows.append(
            {
                "cell": cell.name,
                "gates": list(cell.gates),
                "states": list(cell.states),
                "settings": settings,
                "source": source,
            }
        )
    return _show(rows, arguments, ("cell", "gates", "states", "settings", "source"))


def validate(arguments: argparse.Namespace) -> int:
    """Check a task's YAML and all its splits; show its statistics and one example batch."""
    from bench.validation import describe

    name = arguments.task.removeprefix("task=")
    print(describe(_node("task", name), arguments.data_dir))
    return 0


def report(arguments: argparse.Namespace) -> int:
    """Rebuild the report of a results directory from its records; needs no torch."""
    from bench import report as room
    from bench.publish import publish, results_of

    directory = Path(arguments.directory)
    if arguments.json:
        results = results_of(directory)
        print(json.dumps(room.summary_rows(room.runs_frame(results.records)), indent=1))
        return 1 if results.damaged else 0
    return 1 if publish(directory) else 0


def speed(arguments: argparse.Namespace) -> int:
    """Time one training step of K members: every kernel of ours and torch.nn (and jax), in turns on one core."""
    from bench.speed.command import run

    return run(arguments)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "tasks": tasks,
    "cells": cells,
    "validate": validate,
    "report": report,
    "speed": speed,
}


def _list_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON rows on stdout")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def _validate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="task=NAME", help="a shipped task, or ./task/NAME.yaml")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", metavar="DIR", help="results/NAME")
    parser.add_argument("--json", action="store_true", help="print the summary table as JSON rows on stdout")


def _speed_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workloads", type=_words, default=(), metavar="A,B", help="music46,... (default: all)")
    parser.add_argument("--cells", type=_words, default=(), metavar="A,B", help="gru,lstm,tanh (default: all)")
    parser.add_argument("--kernels", type=_words, default=(), metavar="A,B", help="kernels of ours (default: all)")
    parser.add_argument("--members", type=int, metavar="K", help="members trained together (default: per workload)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of every contender (default: 7)")
    parser.add_argument(
        "--clock",
        choices=("process", "wall"),
        default="process",
        help="process (default): CPU seconds of this process, which other jobs do not steal; wall: elapsed seconds",
    )
    parser.add_argument("--json", action="store_true", help="print header and rows as JSON on stdout")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="draw ratios to torch.nn as PATH.png and PATH.svg")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


ARGUMENTS: Mapping[str, Callable[[argparse.ArgumentParser], None]] = {
    "tasks": _list_arguments,
    "cells": _list_arguments,
    "validate": _validate_arguments,
    "report": _report_arguments,
    "speed": _speed_arguments,
}


def _task_row(node: Mapping[str, Any], data_dir: str | None) -> dict[str, Any]:
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
    row = {
        "task": spec.name,
        "title": spec.title,
        "version": spec.version,
        "kind": spec.kind,
        "metric": spec.metric,
    }
    return {
        **row,
        **units,
        "unit": unit,
        "source": source.text,
        "source_kind": source.kind,
        "licence": spec.licence,
    }


def _nodes(group: str) -> list[Mapping[str, Any]]:
    """Return every YAML of a group, shipped first, then those in the working directory."""
    paths = {path.stem: path for folder in (Path.cwd(), conf_dir()) for path in sorted((folder / group).glob("*.yaml"))}
    return [_load(paths[name]) for name in sorted(paths)]


def _node(group: str, name: str) -> Mapping[str, Any]:
    folders = (conf_dir(), Path.cwd())
    for folder in folders:
        path = folder / group / f"{name}.yaml"
        if path.is_file():
            return _load(path)
    raise ConfigError(group, f"unknown choice `{name}`; {did_you_mean(name, options(group, folders))}")


def _load(path: Path) -> Mapping[str, Any]:
    guard(path, is_data=True)
    node = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(node, Mapping):
        raise ConfigError(str(path), "must be a mapping")
    return {"name": path.stem, **node}


def _show(rows: Sequence[Mapping[str, Any]], arguments: argparse.Namespace, columns: Sequence[str]) -> int:
    if arguments.json:
        print(json.dumps(rows, indent=1, default=str))
        return 0
    from tabulate import tabulate

    table = [[_cell(row.get(column, "")) for column in columns] for row in rows]
    print(tabulate(table, headers=list(columns), tablefmt="simple", intfmt=",", disable_numparse=True))
    return 0


def _cell(value: object) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
