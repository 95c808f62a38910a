"""Write a report's files, and its short form for a terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from tabulate import tabulate

from bench.claims.claim import Claim
from bench.errors import StorageError
from bench.records import RunRecord
from bench.report.document import compose
from bench.report.exports import csv_text, markdown
from bench.report.images import Image, render
from bench.report.ink import inks, theme
from bench.report.naming import size_label
from bench.report.page import charts, html
from bench.report.section import Document
from bench.report.summary import STATUSES, summary
from bench.report.wording import count, decimals, interval, number, plain, quantity
from bench.store import ProbeRecord
from bench.trials import StudyRecord

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


def build(
    records: Sequence[RunRecord],
    directory: Path,
    *,
    name: str,
    damaged: Sequence[str] = (),
    studies: Sequence[StudyRecord] = (),
    probes: Sequence[ProbeRecord] = (),
    claims: Sequence[Claim] = (),
) -> Path:
    """Write `report/` under a directory and return the path of `report.html`.

    The same records, studies and probes, in any order, give the same bytes. Each file is replaced whole or not at all;
    figures of an earlier report that this one no longer has are removed. `damaged` says what could not be read,
    `claims` are put to the runs. Raises StorageError.
    """
    with theme():
        document = compose(records, name=name, damaged=damaged, studies=studies, probes=probes, claims=claims)
        images = {chart.name: render(chart.figure) for chart in charts(document)}
    folder = directory / FOLDER
    try:
        _write(document, images, folder)
    except OSError as error:
        raise StorageError(Path(error.filename or folder), error) from error
    return folder / "report.html"


def _write(document: Document, images: Mapping[str, Image], folder: Path) -> None:
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    for stem, image in images.items():
        _replace(folder / "figures" / f"{stem}.png", image.png)
        _replace(folder / "figures" / f"{stem}.svg", image.svg)
    _remove_stale(folder / "figures", set(images))
    _replace(folder / "summary.csv", csv_text(document.summary).encode())
    _replace(folder / "runs.csv", csv_text(document.runs).encode())
    if document.verdicts is not None:
        _replace(folder / "claims.csv", csv_text(document.claims).encode())
    _replace(folder / "report.md", markdown(document).encode())
    _replace(folder / "report.html", html(document, images).encode())


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
    settings = f" {plain(row['settings'], 40)}" if row["settings"] else ""
    return (
        plain(row["task_label"], 32),
        f"{cell}{settings}",
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
    for path in folder.iterdir():
        if path.suffix in (".png", ".svg") and path.stem not in stems:
            path.unlink(missing_ok=True)
