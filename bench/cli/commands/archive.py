"""Put the records of a results directory into one compressed file, read like the records themselves."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.core.wording import quantity


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")


def run(arguments: argparse.Namespace) -> int:
    """Archive finished Runs, print which folders are left in place, and return the exit status."""
    from bench.results.pack import archive_all

    done = archive_all(arguments.directory)
    print(f"{done.path}: {quantity(done.n_runs, 'run')} added, {done.path.stat().st_size / 1e6:,.1f} MB in all")
    for folder in done.left:
        print(f"not archived: {folder}")
    return 0
