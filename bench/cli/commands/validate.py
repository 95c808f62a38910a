"""Check a task's YAML and all its splits, or a cell's YAML and its gradients; show a page about it."""

from __future__ import annotations

import argparse
import os

from bench.cli.commands.tables import node
from bench.core.errors import ConfigError


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    what = "a shipped task or cell, or ./task/NAME.yaml or ./cell/NAME.yaml; NAME alone is a task"
    parser.add_argument("what", metavar="task=NAME|cell=NAME", help=what)
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of a task's data files")


def run(arguments: argparse.Namespace) -> int:
    """Print what the file holds and return the exit status."""
    group, _, name = arguments.what.rpartition("=")
    if group == "cell":
        from bench.cli.cell_page import describe as describe_cell

        print(describe_cell(node("cell", name)))
    elif group in ("", "task"):
        from bench.cli.config import command_of_task
        from bench.cli.task_page import describe as describe_task

        print(describe_task(command_of_task(node("task", name)), arguments.data_dir))
    else:
        raise ConfigError("validate", f"must be task=NAME or cell=NAME, got {arguments.what!r}")
    return 0
