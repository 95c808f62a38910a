"""The short form of a report, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import pandas as pd
from tabulate import tabulate

from bench.core.endings import RUN_STATUSES
from bench.core.wording import count, decimals, interval, number, plain, quantity
from bench.report.section import Document
from bench.results.labels import short_settings, size_label

SCORES = ("task", "cell", "size", "recurrent", "score", "mean", "95 % interval", "n", "per second", "not done")

VERDICTS = ("claim", "verdict", "compared", "effect [interval]", "n", "tuning")

WIDTHS = (50, 22, 32, 26, 8, 14)
"""Letters in a line of each column of verdicts."""


def console_text(document: Document) -> str:
    """Return the summary of a report and its verdicts as plain tables, with one line that counts every status."""
    runs = document.runs
    counts = [f"{(runs['status'] == status).sum()} {status}" for status in RUN_STATUSES]
    total = f"{quantity(len(runs), 'run')}: {', '.join(text for text in counts if text[0] != '0') or 'none'}"
    parts = [_scores(document), _verdicts(document), total]
    return "\n".join(part for part in parts if part)


def _scores(document: Document) -> str:
    looks, rows = document.looks, []
    for _, of_task in document.summary.groupby("task_label", sort=False):
        digits = decimals(of_task)
        rows += [_line(row, looks[row["cell"]].name, digits) for _, row in of_task.iterrows()]
    return _drawn(rows, SCORES, ("left", "left", "left", "right", "left", "right", "left", "right", "right", "left"))


def _line(row: pd.Series, cell: str, digits: int) -> tuple[str, ...]:
    failures = [f"{row[status]} {status}" for status in RUN_STATUSES if status != "done" and row[status]]
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


def _verdicts(document: Document) -> str:
    """Return the verdicts, in one line where none is decided."""
    tested = [finding for finding in document.findings if finding.is_tested]
    if document.verdicts is None or document.verdicts.table is None:
        return ""
    if all(result.word == "inconclusive" for finding in tested for result in finding.tested):
        n = quantity(len(tested), "claim")
        return f"\n{n} of the literature tested, none decided by these runs; the report says why\n"
    rows = [
        tuple(fill(entry.text, width) for entry, width in zip(row, WIDTHS, strict=True))
        for row in document.verdicts.table.rows
    ]
    return "\n" + _drawn(rows, VERDICTS, ("left", "left", "left", "left", "right", "left")) + "\n"


def _drawn(rows: Sequence[tuple[str, ...]], headers: tuple[str, ...], aligned: tuple[str, ...]) -> str:
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=aligned) if rows else ""
