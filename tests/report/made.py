"""Reports made in tests: the parts of their material as keyword arguments, most of them left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records import RunRecord
from bench.report import files
from bench.report.document import compose as compose_material
from bench.report.material import Material
from bench.report.section import Document


def compose(records: Sequence[RunRecord], *, name: str = "x", **parts: Any) -> Document:
    """The report of some records."""
    return compose_material(Material(records, name, **parts))


def build(records: Sequence[RunRecord], directory: Path, *, name: str = "x", **parts: Any) -> Path:
    """The page of some records, with the files around it."""
    files.build(Material(records, name, **parts), directory)
    return directory / files.PAGE
