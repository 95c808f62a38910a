"""Write a report's files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.claims.rows import claim_rows, claims_frame, rows_with_claims
from bench.core import disk
from bench.core.errors import DataError
from bench.report.document import compose
from bench.report.figures.style import Image, render, theme
from bench.report.formats.exports import csv_text, json_text, markdown
from bench.report.formats.latex import latex
from bench.report.formats.page import charts, comparison_html, html
from bench.report.inputs import ReportInputs
from bench.report.section import Comparison, Document
from bench.results import make_folder, text_of, write_whole
from bench.results.files import storing

FOLDER = "report"

PAGE = f"{FOLDER}/report.html"

CURVES = "curves.csv"
"""The largest of the tables, a row for each evaluation; as the page, it is not committed with results."""

FOLDERS = ("figures", "latex")
"""Folders within, there in every report."""

MANIFEST = "SHA256SUMS"
"""Which files of the folder were written here, by their digests; `sha256sum --check` reads it."""

LINE = re.compile(rf"([0-9a-f]{{64}})  ((?:(?:{'|'.join(FOLDERS)})/)?\w[\w.-]{{0,254}})", re.ASCII)

Written = frozenset[tuple[str, str]]
"""Digests and paths below the folder of the files that were written."""


def build(inputs: ReportInputs, directory: Path) -> Document:
    """Write `report/` under a directory and return what it says; the page is `PAGE` in it.

    The same records, studies and probes, in any order, give the same bytes. Each file is replaced whole or not at all.
    Of what else is in the folder nothing is removed but files of an earlier report that this one no longer has, as
    long as they are as they were written. Raises StorageError, and LinkError where the folder or one in it is a link.
    """
    with theme():
        document = compose(inputs)
        images = {chart.name: render(chart.figure) for chart in charts(document)}
    contents, folder = _contents(document, images), directory / FOLDER
    for name in FOLDERS:
        make_folder(directory, FOLDER, name)
    now = frozenset((hashlib.sha256(content).hexdigest(), name) for name, content in contents.items())
    before = _written(folder)
    _write_manifest(folder, now | before)  # a report that is cut short leaves nothing that the next does not know
    _write(contents, folder)
    _remove(folder, [each for each in before if each[1] not in contents])
    _write_manifest(folder, now)
    return document


def write_comparison(comparison: Comparison, folder: Path, stem: str) -> Path:
    """Write a comparison as a page and as Markdown and return the path of the page. Raises StorageError."""
    written = {f"{stem}.md": markdown(comparison), f"{stem}.html": comparison_html(comparison)}
    make_folder(folder.parent, folder.name)
    _write({name: text.encode() for name, text in written.items()}, folder)
    return folder / f"{stem}.html"


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write files by their paths below a folder of a results directory, each whole or not at all."""
    for name, content in contents.items():
        write_whole(folder / name, content, is_synced=False)


def _written(folder: Path) -> Written:
    """Return the files listed in the manifest of the report in a folder, none without a manifest."""
    try:
        lines = [LINE.fullmatch(line) for line in text_of(folder / MANIFEST).splitlines()]
    except (FileNotFoundError, DataError):
        return frozenset()
    return frozenset((line[1], line[2]) for line in lines if line)


def _write_manifest(folder: Path, written: Written) -> None:
    lines = sorted(f"{digest}  {name}\n" for digest, name in written)
    write_whole(folder / MANIFEST, "".join(lines), is_synced=False)


def _contents(document: Document, images: Mapping[str, Image]) -> dict[str, bytes]:
    """Return the files of a report by path, the page last, so that every file it links to is written before it."""
    written = {**texts(document), "report.html": html(document, images)}
    return {
        **{f"figures/{stem}.png": image.png for stem, image in images.items()},
        **{f"figures/{stem}.svg": image.svg for stem, image in images.items()},
        **{name: text.encode() for name, text in written.items()},
    }


def texts(document: Document) -> dict[str, str]:
    """Return all text formats of a report by path below its folder; draws no figure."""
    written = {
        "summary.csv": csv_text(document.summary),
        "summary.json": json_text(rows_with_claims(document.summary, document.findings)),
        "runs.csv": csv_text(document.runs),
        CURVES: csv_text(document.curves),
    }
    if not document.trials.empty:
        written["trials.csv"] = csv_text(document.trials)
    if document.verdicts is not None:
        written["claims.csv"] = csv_text(claims_frame(document.findings))
        written["claims.json"] = json_text(claim_rows(document.findings))
    written |= {f"latex/{name}.tex": text for name, text in latex(document).items()}
    return {**written, "report.md": markdown(document)}


def _remove(folder: Path, written: Iterable[tuple[str, str]]) -> None:
    """Remove files of an earlier report that nobody has changed since."""
    for digest, name in written:
        if _digest(folder / name) == digest:
            with storing(folder / name):
                (folder / name).unlink(missing_ok=True)


def _digest(path: Path) -> str:
    """Return the digest of a plain file, none of anything else."""
    try:
        return hashlib.sha256(disk.bytes_of(path)).hexdigest()
    except OSError:
        return ""
