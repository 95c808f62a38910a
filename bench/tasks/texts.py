"""The text of a split, from plain files, tables, or the published form of character-level Penn Treebank."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from bench.errors import DataError
from bench.tasks.files import Files, decode
from bench.tasks.rolls import show
from bench.tasks.source_spec import SPLITS
from bench.tasks.tables import read_column, read_split


def text_of(files: Files, split: str, column: str, fractions: tuple[float, ...]) -> str:
    """Return the text of a split; one file for all is cut by `fractions` unless its rows say their split.

    Raises DataError for a file that cannot be read, or a split without text.
    """
    path = files.path(split)
    if files.format in ("text", "symbols"):
        text = decode(path)
        text = unspelled(text, path) if files.format == "symbols" else text
        return cut(text, split, fractions, str(path)) if files.is_single else text
    if files.is_single and (found := read_column(path, files.format, column)).splits is None:
        return cut(_joined(found.values, path, column), split, fractions, str(path))
    return _joined(read_split(files, split, column), path, column)


def cut(text: str, split: str, fractions: tuple[float, ...], where: str) -> str:
    """Return the part of a text that is a split's, by position. Raises DataError if the part is empty."""
    shares = [Fraction(str(fraction)) for fraction in fractions]
    number = SPLITS.index(split)
    start, end = (int(len(text) * sum(shares[:n])) for n in (number, number + 1))
    part = text[start : end if number + 1 < len(SPLITS) else len(text)]
    if not part.strip():
        raise DataError(where, f"split {split} is empty: {len(text)} characters are too few to cut in three")
    return part


def unspelled(text: str, path: Path) -> str:
    """Return the plain text of symbols separated by spaces, `_` standing for a space.

    A last line without a newline counts only if it holds a symbol: the published files end in a stray space.
    Raises DataError, naming the line, for a symbol of several characters.
    """
    lines = [line.split() for line in text.split("\n")]
    for number, symbols in enumerate(lines, 1):
        if symbols and max(map(len, symbols)) > 1:
            bad = next(symbol for symbol in symbols if len(symbol) > 1)
            raise DataError(str(path), f"line {number} must hold single characters, got {show(bad)}")
    return "\n".join("".join(symbols).replace("_", " ") for symbols in lines)


def _joined(rows: Sequence[object], path: Path, column: str) -> str:
    """Return rows as lines; a row that ends its line itself is not ended twice."""
    lines = []
    for number, row in enumerate(rows):
        if not isinstance(row, str):
            raise DataError(str(path), f"`{column}` must be text, got {show(row)} in row {number}")
        lines.append(row if row.endswith("\n") else row + "\n")
    text = "".join(lines)
    if not text.strip():
        raise DataError(str(path), f"column `{column}` holds no text")
    return text
