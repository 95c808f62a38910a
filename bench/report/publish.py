"""Build the report of a results directory, at the end of a sweep or on request; needs no torch."""

from __future__ import annotations

import sys
from pathlib import Path

from bench import results
from bench.claims.claim import read_claims
from bench.core.console import has_colours, say, say_damaged
from bench.core.errors import DataError
from bench.report.formats.console import console_text
from bench.report.formats.write import PAGE, build
from bench.report.inputs import ReportInputs
from bench.results import AuthorNote
from bench.results.records import results_of


def read_inputs(directory: Path) -> ReportInputs:
    """Read what the report of a results directory is made from. Raises UsageError if there is nothing in it."""
    found = results_of(directory)
    studies, probes = results.read_studies(directory), results.read_probes(directory)
    author_notes, unread = _author_notes(directory)
    return ReportInputs(
        records=found.records,
        name=directory.resolve().name,
        damaged=(*found.damaged, *studies.damaged, *probes.damaged, *unread),
        studies=studies.records,
        probes=probes.records,
        claims=read_claims(),
        author_notes=author_notes,
    )


def _author_notes(directory: Path) -> tuple[tuple[AuthorNote, ...], tuple[str, ...]]:
    """Return the authors' notes on the results, and a message for each problem in reading them."""
    try:
        return results.read_author_notes(directory), ()
    except DataError as error:
        return (), (str(error),)


def publish(directory: Path) -> int:
    """Rebuild the report, print its tables and its path, and return how many files are damaged."""
    inputs = read_inputs(directory)
    document = build(inputs, directory)
    print(console_text(document, is_coloured=has_colours(sys.stdout)))
    say(f"report: {directory / PAGE}")
    return say_damaged(inputs.damaged)
