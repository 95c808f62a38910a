"""A report in other formats: Markdown with image links, CSV that is inert in spreadsheets and terminals, and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bench.core.wording import printable, quantity, rounded
from bench.report.section import Chapter, Comparison, Document, Section, Table

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a text that a spreadsheet would run."""


def csv_text(frame: pd.DataFrame) -> str:
    """Return a frame as CSV: no control characters, a quote before a possible formula, numbers of ten digits."""
    guarded = frame.astype(object).apply(lambda column: column.map(_field)).rename(columns=_guard)
    return str(guarded.to_csv(index=False, lineterminator="\n"))


def json_text(rows: Sequence[dict[str, Any]]) -> str:
    """Return rows as JSON, which knows no number that is not finite; numbers have ten digits."""
    return json.dumps(rounded(rows), indent=1, allow_nan=False) + "\n"


def markdown(document: Document | Comparison) -> str:
    """Return a report or a comparison as Markdown, its figures linked from `figures/`."""
    blocks = _comparison_blocks(document) if isinstance(document, Comparison) else _document_blocks(document)
    return "\n\n".join(blocks) + "\n"


def escape_markdown(text: str) -> str:
    """Return text that Markdown shows as it is: no markup, no HTML, no second column."""
    return re.sub(r"([\\`*\[\]<>|#])", r"\\\1", text.replace("&", "&amp;"))


def _field(value: object) -> object:
    return rounded(value) if isinstance(value, float) else _guard(value)


def _guard(value: object) -> object:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if value.startswith(FORMULA) or text.lstrip().startswith(FORMULA) else text


def _comparison_blocks(comparison: Comparison) -> Iterator[str]:
    yield f"# {escape_markdown(comparison.name)}"
    yield escape_markdown(" · ".join(comparison.facts))
    for note in comparison.notes:
        yield f"Note: {escape_markdown(note)}"
    for section in comparison.sections:
        yield from _section_blocks(section, level=2)


def _document_blocks(document: Document) -> Iterator[str]:
    yield f"# {escape_markdown(document.name)}"
    yield escape_markdown(" · ".join(document.facts))
    if document.verdicts is not None:
        yield from _section_blocks(document.verdicts, level=2)
        yield from _untested(document)
    for answer in document.answers:
        yield f"**{escape_markdown(answer.task)}.** {escape_markdown(' '.join(answer.sentences))}"
    for note in document.notes:
        yield f"Note: {escape_markdown(note)}"
    yield from _section_blocks(document.scores, level=2)
    yield "## How to read this"
    yield "\n".join(f"- **{escape_markdown(term)}**: {escape_markdown(text)}" for term, text in document.guide)
    for chapter in document.chapters:
        yield from _chapter_blocks(chapter)


def _untested(document: Document) -> Iterator[str]:
    if document.untested:
        yield f"Not tested here: {quantity(len(document.untested), 'claim')}."
        yield "\n".join(f"- {escape_markdown(claim)} {escape_markdown(why)}" for claim, why in document.untested)


def _chapter_blocks(chapter: Chapter) -> Iterator[str]:
    yield f"## {escape_markdown(chapter.title)}"
    for section in chapter.sections:
        yield from _section_blocks(section, level=3)


def _section_blocks(section: Section, level: int) -> Iterator[str]:
    yield f"{'#' * level} {escape_markdown(section.heading)}"
    yield from (escape_markdown(paragraph) for paragraph in section.text)
    if section.chart is not None:
        yield f"![{escape_markdown(section.chart.alt)}](figures/{section.chart.name}.png)"
        yield f"*{escape_markdown(section.chart.caption)}*"
    if section.table is not None:
        yield _table(section.table)
        yield f"*{escape_markdown(section.table.caption)}*"


def _table(table: Table) -> str:
    rules = ["---:" if table.is_numeric(i) else "---" for i in range(len(table.headers))]
    texts = [[entry.text for entry in row] for row in table.rows]
    lines = [[escape_markdown(text) for text in line] for line in (table.headers, *texts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rules, *lines[1:]))
