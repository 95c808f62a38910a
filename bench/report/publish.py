"""Build the report of a results directory, at the end of a sweep or on request; needs no torch."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.core.console import has_colours, say, say_damaged
from bench.report.formats.console import console_text
from bench.report.formats.write import PAGE, build
from bench.report.inputs import read_inputs


def publish(directory: Path) -> int:
    """Rebuild the report, print its tables and its path, and return how many files are damaged."""
    inputs = read_inputs(directory)
    document = build(inputs, directory)
    print(console_text(document, is_coloured=has_colours(sys.stdout)))
    say(f"report: {directory / PAGE}")
    return say_damaged(inputs.damaged)
