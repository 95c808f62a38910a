"""Write a report's files, and its short form for a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench.errors import StorageError
from bench.report.claims.rows import claim_rows, claims_frame, rows_with_claims
from bench.report.document import compose
from bench.report.exports import csv_text, json_text, markdown
from bench.report.images import Image, render
from bench.report.ink import inks, theme
from bench.report.latex import latex
from bench.report.material import Material
from bench.report.naming import short_settings, size_label
from bench.report.page import charts, comparison_html, html
from bench.report.section import Comparison, Document
from bench.report.summary import STATUSES, summary
from bench.report.wording import count, decimals, interval, number, plain, quantity

FOLDER = "report"

HEADERS = (
    "task",
    "cell",
    "size",
    "recurrent",
    "score",
    "mean",
    "95 % interval",
    "n",
    "per second",
    "not done",
)


def build(material: Material, directory: Path) -> Path:
    """Write `report/` under a directory and return the path of `report.html`.

    The same records, studies and probes, in any order, give the same bytes. Each file is replaced whole or not at all;
    figures of an earlier report that this one no longer has are removed. Raises StorageError.
    """
    with theme():
        document = compose(material)
        images = {chart.name: render(chart.figure) for chart in charts(document)}
    folder = directory / FOLDER
    _write(_contents(document, images), folder)
    _remove_stale(folder / "figures", set(images))
    return folder / "report.html"


def write_comparison(comparison: Comparison, folder: Path, stem: str) -> Path:
    """Write a comparison as a page and as Markdown and return the path of the page. Raises StorageError."""
    texts = {f"{stem}.md": markdown(comparison), f"{stem}.html": comparison_html(comparison)}
    _write({name: text.encode() for name, text in texts.items()}, folder)
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
    texts = {
        "summary.csv": csv_text(document.summary),
        "summary.json": json_text(rows_with_claims(document.summary, document.findings)),
        "runs.csv": csv_text(document.runs),
    }
    if document.verdicts is not None:
        texts["claims.csv"] = csv_text(claims_frame(document.findings))
        texts["claims.json"] = json_text(claim_rows(document.findings))
    texts |= {f"latex/{name}.tex": text for name, text in latex(document).items()}
    texts |= {"report.md": markdown(document), "report.html": html(document, images)}
    return {
        **{f"figures/{stem}.png": image.png for stem, image in images.items()},
        **{f"figures/{stem}.svg": image.svg for stem, image in images.items()},
        **{name: text.encode() for name, text in texts.items()},
    }


def console_table(runs: pd.DataFrame) -> str:
    """Return the summary of a frame of Runs as a plain table, with one line that counts every status."""
    table = summary(runs)
    looks = inks(runs["cell"])
    rows = []
    for _, of_task in table.groupby("task_label", sort=False):
        digits = decimals(of_task)
        rows += [_line(row, looks[row["cell"]].name, digits) for _, row in of_task.iterrows()]
    counts = [f"{(runs['status'] == status).sum()} {status}" for status in STATUSES]
    total = f"{quantity(len(runs), 'run')}: {', '.join(text for text in counts if text[0] != '0') or 'none'}"
    aligned = ("left", "left", "left", "right", "left", "right", "left", "right", "right", "left")
    drawn = tabulate(rows, HEADERS, tablefmt="simple", disable_numparse=True, colalign=aligned) + "\n" if rows else ""
    return f"{drawn}{total}"


def _line(row: pd.Series, cell: str, digits: int) -> tuple[str, ...]:
    failures = [f"{row[status]} {status}" for status in STATUSES if status != "done" and row[status]]
    return (
        plain(row["task_label"], 32),
        f"{cell} {short_settings(row)}".rstrip(),
        size_label(row["hidden_size"], row["num_layers"]),
        count(row["num_params_recurrent"]),
        f"{row['split']} {row['metric']}",
        number(row["mean"], digits),
        interval(row["low"], row["high"], digits),
        str(row["n"]),
        count(row["units_per_second"]),
        ", ".join(failures),
    )


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
