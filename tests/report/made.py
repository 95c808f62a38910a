"""Reports made in tests: the parts of their inputs as keyword arguments, most of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.report.document import compose as compose_material
from bench.report.figures.style import Image
from bench.report.formats import write
from bench.report.inputs import ReportInputs
from bench.report.section import Document
from bench.results.run import RunRecord


def compose(records: Sequence[RunRecord], *, name: str = "x", **parts: Any) -> Document:
    """The report of some records."""
    return compose_material(ReportInputs(records, name, **parts))


def build(records: Sequence[RunRecord], directory: Path, *, name: str = "x", **parts: Any) -> Path:
    """The page of some records, with the files around it."""
    write.build(ReportInputs(records, name, **parts), directory)
    return directory / write.PAGE


BLANK = Image(b"\x89PNG", b'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" viewBox="0 0 1 1"/>')
"""A figure with nothing in it."""
