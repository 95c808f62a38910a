"""What is left to say where no report is written."""

from __future__ import annotations

from pathlib import Path

from bench import results
from bench.core.console import program, say, say_damaged


def take_stock(directory: Path) -> int:
    """Print how to build the report, without building it; return the number of damaged files."""
    found, studies = results.read(directory, curves=False), results.read_studies(directory)
    say(f"report: not written now (report=false); {program()} report {directory}")
    return say_damaged([*found.damaged, *studies.damaged, *results.read_probes(directory).damaged])
