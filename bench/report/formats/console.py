"""The short form of a report, for a terminal: at most 100 columns, and who won last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill

import pandas as pd
from tabulate import tabulate

from bench.core.console import painted
from bench.core.endings import RUN_STATUSES
from bench.core.wording import (
    NO_BREAK,
    better,
    count,
    decimals,
    estimated,
    interval,
    number,
    plain,
    quantity,
    score_label,
)
from bench.report.section import Decision, Document, Outcome
from bench.results.labels import CellStyles, short_settings, size_label

COLUMNS = 100
"""Letters in a line."""

GAP = 2
"""Spaces between two columns, and what a column is wider than its name."""

NARROW = 12
"""Letters in a line of the other columns of words."""

LEAST = 16
"""Letters that a cell's name has in a line, however wide the numbers are."""

LEFT = ("cell", "score", "kernel", "not done")
"""Columns of words; all others are of numbers."""

VERDICTS = ("claim", "verdict", "compared", "effect [interval]", "n")

WIDTHS = (32, 14, 21, 19, 6)
"""Letters in a line of each column of verdicts."""

HUES = {"alike": "cyan", "undecided": "yellow"}
"""Colour of a word; any other says that a cell is better."""


def console_text(document: Document, *, is_coloured: bool = False) -> str:
    """Return the scores, the verdicts, one line that counts every status, and who won, card by card."""
    runs = document.runs
    counts = [f"{(runs['status'] == status).sum()} {status}" for status in RUN_STATUSES]
    total = f"{quantity(len(runs), 'run')}: {', '.join(text for text in counts if text[0] != '0') or 'none'}"
    won = [_won(outcome, is_coloured=is_coloured) for outcome in document.outcomes]
    parts = [*_scores(document), _verdicts(document), total, *won]
    return "\n\n".join(part for part in parts if part)


def _scores(document: Document) -> Iterator[str]:
    """Yield the table of each task below a line with what all its rows have in common."""
    for _, rows in document.summary.groupby("task_label", sort=False):
        first, digits = rows.iloc[0], decimals(rows)
        unit = next((plain(unit, 12) for unit in rows["unit"] if unit), "unit")
        fields = [_fields(row, document.looks, digits, f"{unit}s/s") for _, row in rows.iterrows()]
        columns, common = list(fields[0]), []
        if len({each["score"] for each in fields}) == 1:
            columns.remove("score")
            common.append(f"{score_label(first['metric'], first['split'])}, {better(first['direction'])}")
        kernels = {each["kernel"] for each in fields} - {""}
        if len(kernels) < 2:
            columns.remove("kernel")
            common += [f"kernel {kernel}" for kernel in kernels]
        columns = [name for name in columns if any(each[name] for each in fields)]
        heading = fill(f"{plain(first['task_label'], 60)}: {'; '.join(common)}", COLUMNS)
        yield f"{heading}\n{_fitting(fields, columns)}"


def _fields(row: pd.Series, looks: CellStyles, digits: int, speed: str) -> dict[str, str]:
    failures = [f"{row[status]} {status}" for status in RUN_STATUSES if status != "done" and row[status]]
    return {
        "cell": f"{looks[row['cell']].name} {short_settings(row)}".rstrip(),
        "size": size_label(row["hidden_size"], row["num_layers"]),
        "recurrent": count(row["num_params_recurrent"]),
        "score": f"{row['split']} {row['metric']}",
        "mean": number(row["mean"], digits),
        "95 % interval": interval(row["low"], row["high"], digits),
        "n": str(row["n"]),
        speed: count(row["units_per_second"]),
        "kernel": plain(row["kernel"], 40),
        "not done": ", ".join(failures),
    }


def _fitting(fields: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str:
    """Return a table whose first column takes as many lines as the width asks for."""
    rows = [[fill(each[name], NARROW) if name in LEFT[1:] else each[name] for name in columns] for each in fields]
    widths = [
        max(len(name) + GAP, *(len(line) for text in texts for line in text.split("\n")))
        for name, *texts in zip(columns, *rows, strict=True)
    ]
    room = max(COLUMNS - sum(widths[1:]) - GAP * len(widths[1:]), LEAST)
    broken = [(fill(first, room, break_on_hyphens=False), *rest) for first, *rest in rows]
    return _drawn(broken, columns, tuple("left" if name in LEFT else "right" for name in columns))


def _verdicts(document: Document) -> str:
    """Return the verdicts, in one line where none is decided."""
    tested = [finding for finding in document.findings if finding.is_tested]
    if document.verdicts is None or document.verdicts.table is None:
        return ""
    if all(result.word == "inconclusive" for finding in tested for result in finding.tested):
        n = quantity(len(tested), "claim")
        return f"{n} of the literature tested, none decided by these runs; the report says why"
    rows = [
        [fill(entry.text, width) for entry, width in zip(row, WIDTHS, strict=False)]
        for row in document.verdicts.table.rows
    ]
    return _drawn(rows, VERDICTS, ("left", "left", "left", "left", "right"))


def _won(outcome: Outcome, *, is_coloured: bool) -> str:
    """Return who won on a task, a paragraph for each card."""
    heading = fill(f"{outcome.task}: {outcome.score}", COLUMNS)
    return "\n".join([heading, *(_decided(each, is_coloured=is_coloured) for each in outcome.decisions)])


def _decided(decision: Decision, *, is_coloured: bool) -> str:
    sides = " and ".join(decision.cells)
    if isinstance(decision.card, str):
        return _paragraph(f"{sides}: not compared. {plain(decision.card)}")
    found, card = decision.card, decision.card.card
    is_better = card.outcome not in HUES
    word = card.word if is_better else f"{sides} {card.word}"
    effect = f"{found.sides} {estimated(card.interval)}, margin {card.margin_text}, n = {card.interval.n}"
    scope = f", {found.scope}" * (bool(found.scope) and card.outcome != "undecided")
    text = _paragraph(f"{word}{scope}: {decision.needs or effect}")
    if decision.needs:
        text += f"\n{_paragraph(effect, '    ')}"
    return text.replace(word, painted(word, HUES.get(card.outcome, "green")), 1) if is_coloured else text


def _paragraph(text: str, indent: str = "  ") -> str:
    lines = fill(text, COLUMNS, initial_indent=indent, subsequent_indent="    ", break_on_hyphens=False)
    return lines.replace(NO_BREAK, " ")


def _drawn(rows: Sequence[Sequence[str]], headers: Sequence[str], aligned: Sequence[str]) -> str:
    return tabulate(rows, headers, tablefmt="simple", disable_numparse=True, colalign=aligned) if rows else ""
