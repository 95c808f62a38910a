"""Rebuild the report of a results directory from its records, or show several side by side; needs no torch."""

from __future__ import annotations

import argparse
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, nargs="?", help="results/NAME")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the summary table as JSON rows on stdout, each with the verdicts that it is part of",
    )
    parser.add_argument(
        "--compare",
        metavar=("A", "B"),
        type=Path,
        nargs=2,
        help="write a page that shows two results directories side by side, into A/report",
    )
    parser.add_argument(
        "--claims",
        metavar="DIR",
        type=Path,
        nargs="+",
        help="write a page of all claims over several results directories, into the folder that the first is in",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write a report, its summary, or several side by side; return the exit status: 1 where a record is damaged."""
    from bench.core.errors import UsageError
    from bench.report.publish import publish

    if arguments.claims:
        if arguments.directory is not None or arguments.json or arguments.compare:
            raise UsageError("--claims DIR DIR ... stands alone")
        return _claims(arguments.claims)
    if arguments.compare:
        if arguments.directory is not None or arguments.json:
            raise UsageError("--compare A B stands alone; `diff A B --json` prints rows")
        return _compare(*arguments.compare)
    if arguments.directory is None:
        raise UsageError("which results? Give a directory, results/NAME, --compare A B or --claims A B ...")
    return _print_rows(arguments.directory) if arguments.json else int(publish(arguments.directory) > 0)


def _print_rows(directory: Path) -> int:
    from bench.claims.rows import rows_with_claims
    from bench.report.formats.exports import json_text
    from bench.report.inputs import prepared, read_inputs

    inputs = read_inputs(directory)
    found = prepared(inputs)
    print(json_text(rows_with_claims(found.summary, found.findings)), end="")
    return 1 if inputs.damaged else 0


def _compare(left: Path, right: Path) -> int:
    from bench.report.comparison import compare_folders

    page, n_damaged = compare_folders(left, right)
    print(f"comparison: {page}")
    return 1 if n_damaged else 0


def _claims(directories: list[Path]) -> int:
    from bench.report.protocols import claims_of_folders

    page, n_damaged = claims_of_folders(directories)
    print(f"claims: {page}")
    return 1 if n_damaged else 0
