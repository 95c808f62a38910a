"""From a results directory to its report: what a sweep does at its end and `report` does at any time, without torch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bench import report, store
from bench.claims.files import read_claims
from bench.errors import DataError, UsageError
from bench.report.material import Material
from bench.report.wording import plain
from bench.store import Remark, Results


def results_of(directory: Path) -> Results:
    """Read a results directory. Raises UsageError if there is nothing in it."""
    results = store.read(directory)
    if not results.records and not results.damaged:
        raise UsageError(f"no run records in {directory}; a sweep leaves them in results/NAME")
    return results


def material_of(directory: Path) -> Material:
    """Read what the report of a results directory is made from. Raises UsageError if there is nothing in it."""
    results = results_of(directory)
    studies, probes = store.read_studies(directory), store.read_probes(directory)
    remarks, unread = _remarks(directory)
    return Material(
        records=results.records,
        name=directory.resolve().name,
        damaged=(*results.damaged, *studies.damaged, *probes.damaged, *unread),
        studies=studies.records,
        probes=probes.records,
        claims=read_claims(),
        remarks=remarks,
    )


def _remarks(directory: Path) -> tuple[tuple[Remark, ...], tuple[str, ...]]:
    """Return what the authors of results say about them, and what is wrong with it."""
    try:
        return store.read_remarks(directory), ()
    except DataError as error:
        return (), (str(error),)


def publish(directory: Path) -> int:
    """Rebuild the report, print its tables and its path, and return how many files are damaged."""
    material = material_of(directory)
    document = report.build(material, directory)
    print(report.console_text(document))
    say(f"report: {directory / report.PAGE}")
    return _say_damaged(material.damaged)


def take_stock(directory: Path) -> int:
    """Say how the report is written, which is left as it is, and return how many files are damaged."""
    results, studies = store.read(directory, curves=False), store.read_studies(directory)
    say(f"report: not written now (report=false); python -m bench report {directory}")
    return _say_damaged([*results.damaged, *studies.damaged, *store.read_probes(directory).damaged])


def say(text: str) -> None:
    """Print a line for a person, on stderr."""
    print(text, file=sys.stderr, flush=True)


def _say_damaged(damaged: Sequence[str]) -> int:
    for message in damaged:
        say(f"damaged: {plain(message)}")
    return len(damaged)
