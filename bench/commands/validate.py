"""Check a task's YAML and all its splits; show its statistics and one example batch."""

from __future__ import annotations

import argparse
import os

from bench.commands.nodes import node


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("task", metavar="task=NAME", help="a shipped task, or ./task/NAME.yaml")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Print what the task holds and return the exit status."""
    from bench.config import command_of_task
    from bench.validation import describe

    name = arguments.task.removeprefix("task=")
    print(describe(command_of_task(node("task", name)), arguments.data_dir))
    return 0
