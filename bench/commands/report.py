"""Rebuild the report of a results directory from its records; needs no torch."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the summary table as JSON rows on stdout, each with the verdicts that it is part of",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the report, or print its summary, and return the exit status: 1 where a record is damaged."""
    from bench import report
    from bench.claims.files import read_claims
    from bench.publish import publish, results_of

    if not arguments.json:
        return 1 if publish(arguments.directory) else 0
    results = results_of(arguments.directory)
    print(json.dumps(report.rows_with_claims(results.records, read_claims()), indent=1))
    return 1 if results.damaged else 0
