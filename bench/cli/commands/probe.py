"""Look into the models of runs, trained again where their weights are not kept: gates, gradients, memory."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")
    parser.add_argument(
        "--run",
        action="append",
        default=[],
        metavar="LABEL",
        help="folder name of a run, may be given again; default: the first seed of the best settings of each cell",
    )
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Write what is found to DIR/probes and into the report; return 1 where a run's weights did not repeat."""
    from bench import results
    from bench.core.console import say
    from bench.report.publish import publish
    from bench.results.records import results_of
    from bench.sweep.probe import chosen, probes
    from bench.tasks.opened import Tasks

    records = chosen(results_of(arguments.directory).records, arguments.run)
    n_different = 0
    for found in probes(records, arguments.directory, Tasks(arguments.data_dir, say), say):
        path = results.write_probe(arguments.directory, found)
        n_different += not found.is_same
        say(f"{path}: {'the recorded weights, to the bit' if found.is_same else 'weights DIFFER from the record'}")
    publish(arguments.directory)
    return 1 if n_different else 0
