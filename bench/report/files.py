"""Write a report's files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from bench.errors import StorageError
from bench.report.claims.rows import claim_rows, claims_frame, rows_with_claims
from bench.report.document import compose
from bench.report.exports import csv_text, json_text, markdown
from bench.report.images import Image, render
from bench.report.ink import theme
from bench.report.latex import latex
from bench.report.material import Material
from bench.report.page import charts, comparison_html, html
from bench.report.section import Comparison, Document

FOLDER = "report"

PAGE = f"{FOLDER}/report.html"


def build(material: Material, directory: Path) -> Document:
    """Write `report/` under a directory and return what it says; the page is `PAGE` in it.

    The same records, studies and probes, in any order, give the same bytes. Each file is replaced whole or not at all;
    figures of an earlier report that this one no longer has are removed. Raises StorageError.
    """
    with theme():
        document = compose(material)
        images = {chart.name: render(chart.figure) for chart in charts(document)}
    folder = directory / FOLDER
    _write(_contents(document, images), folder)
    _remove_stale(folder / "figures", set(images))
    return document


def write_comparison(comparison: Comparison, folder: Path, stem: str) -> Path:
    """Write a comparison as a page and as Markdown and return the path of the page. Raises StorageError."""
    written = {f"{stem}.md": markdown(comparison), f"{stem}.html": comparison_html(comparison)}
    _write({name: text.encode() for name, text in written.items()}, folder)
    return folder / f"{stem}.html"


def _write(contents: Mapping[str, bytes], folder: Path) -> None:
    """Write files by their paths below a folder, each whole or not at all."""
    try:
        for name, content in contents.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _replace(folder / name, content)
    except OSError as error:
        raise StorageError(Path(error.filename or folder), error) from error


def _contents(document: Document, images: Mapping[str, Image]) -> dict[str, bytes]:
    """Return the files of a report by their paths, the page last: it is there when all that it names is."""
    written = {**texts(document), "report.html": html(document, images)}
    return {
        **{f"figures/{stem}.png": image.png for stem, image in images.items()},
        **{f"figures/{stem}.svg": image.svg for stem, image in images.items()},
        **{name: text.encode() for name, text in written.items()},
    }


def texts(document: Document) -> dict[str, str]:
    """Return what a report is in every format but the page, by path below its folder; no figure is drawn for it."""
    written = {
        "summary.csv": csv_text(document.summary),
        "summary.json": json_text(rows_with_claims(document.summary, document.findings)),
        "runs.csv": csv_text(document.runs),
    }
    if document.verdicts is not None:
        written["claims.csv"] = csv_text(claims_frame(document.findings))
        written["claims.json"] = json_text(claim_rows(document.findings))
    written |= {f"latex/{name}.tex": text for name, text in latex(document).items()}
    return {**written, "report.md": markdown(document)}


def _replace(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def _remove_stale(folder: Path, stems: set[str]) -> None:
    try:
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.suffix in (".png", ".svg") and path.stem not in stems:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(Path(error.filename or folder), error) from error
