"""One column of a parquet, CSV or JSON file, as plain Python values, for the rows of one split."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

from bench.core.disk import cache_dir
from bench.core.errors import BenchError, DataError
from bench.tasks.cache import made_cache_dir
from bench.tasks.local_files import Files, decode
from bench.tasks.rolls import show
from bench.tasks.source_spec import SPLITS

SPLIT_NAMES = {**{name: name for name in SPLITS}, "valid": "validation"}
"""What files may call the splits."""


@dataclass(frozen=True)
class Column:
    """The values of a column, and the split that each row says it belongs to, if rows say so."""

    values: Sequence[object]
    splits: Sequence[object] | None


def read_split(files: Files, split: str, column: str) -> Sequence[object]:
    """Return the values of a column that belong to a split. Raises DataError, naming the file and what is wrong.

    A file of its own may say in a column `split` what it is, and is refused if that is another one.
    """
    path = files.path(split)
    found = read_column(path, files.format, column)
    if not found.values:
        raise DataError(str(path), f"split {split} is empty, must have at least one row")
    if found.splits is None:
        if files.is_single:
            raise DataError(str(path), "must have a column `split`, since it is the only file")
        return found.values
    marks = [_split_name(mark, path, row) for row, mark in enumerate(found.splits)]
    if not files.is_single and set(marks) - {split}:
        row = next(row for row, mark in enumerate(marks) if mark != split)
        raise DataError(str(path), f"must hold split {split} alone, got {marks[row]} in row {row}")
    return [value for value, mark in zip(found.values, marks, strict=True) if mark == split]


def read_column(path: Path, format_: str, column: str) -> Column:
    """Return a column and the column `split`, if there is one. Raises DataError if the file cannot be read."""
    if format_ == "json":
        return _column_of_json(_json(path), path, column)
    if format_ == "csv":
        decode(path)  # the reader's own message about a wrong encoding names nothing
    return _column_of_table(path, format_, column)


def parse_cell(cell: object, where: str, what: str) -> object:
    """Return the value that a CSV cell spells in JSON. Raises DataError."""
    try:
        return json.loads(str(cell))
    except (ValueError, RecursionError) as error:
        raise DataError(where, f"{what}: must be JSON such as [[60, 64], []], got {show(cell)}") from error


def quiet_datasets() -> ModuleType:
    """Import `datasets` without its progress bars and warnings, and with its cache in our cache folder."""
    os.environ.setdefault("HF_HOME", str(cache_dir() / "huggingface"))  # read once, at its first import
    import datasets

    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False  # it would send telemetry, also for local files
    datasets.disable_progress_bars()
    datasets.utils.logging.set_verbosity(datasets.utils.logging.CRITICAL)
    module: ModuleType = datasets
    return module


def _column_of_table(path: Path, format_: str, column: str) -> Column:
    if "::" in str(path):
        raise DataError(str(path), "cannot be read: `datasets` takes `::` in a path for a chain of addresses")
    try:
        return _stream_column(path, format_, column)
    except BenchError:
        raise
    except Exception as error:  # the readers of `datasets` raise many classes
        reason = str(error.__cause__ or error).strip().split("\n")[0]
        raise DataError(str(path), f"cannot be read as {format_}: {reason}") from error


def _stream_column(path: Path, format_: str, column: str) -> Column:
    options = {"na_filter": False} if format_ == "csv" else {}
    data_files = {"train": glob.escape(str(path))}
    # Streaming reads the file where it lies; the folder is for the lock that `datasets` makes all the same.
    with TemporaryDirectory(dir=made_cache_dir(), prefix=".datasets-") as folder:
        rows = quiet_datasets().load_dataset(
            format_, data_files=data_files, split="train", streaming=True, cache_dir=folder, **options
        )
        values: dict[str, list[object]] = {column: [], "split": []}
        for table in rows.with_format("arrow").iter(batch_size=1000):
            _require(table.column_names, path, column)
            for name in set(values) & set(table.column_names):
                values[name] += table[name].to_pylist()
    return Column(values[column], values["split"] or None)


def _require(names: Sequence[str], path: Path, column: str) -> None:
    if column not in names:
        raise DataError(str(path), f"must have a column `{column}`, got {', '.join(map(str, names))}")


def _json(path: Path) -> Any:
    """Return the content of a JSON file; of JSON lines, the list of them."""
    text = decode(path)
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(str(path), "cannot be read as JSON: nested too deeply") from error
    except ValueError as error:
        lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
        if len(lines) < 2 or not text.lstrip().startswith("{"):
            raise DataError(str(path), f"cannot be read as JSON: {error}") from error
    return [_json_line(line, path, number) for number, line in lines]


def _json_line(line: str, path: Path, number: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(str(path), f"cannot be read as JSON: line {number}: {error}") from error


def _column_of_json(content: Any, path: Path, column: str) -> Column:
    """Return a column of a list of records, or of a mapping from each split to its values."""
    if isinstance(content, dict) and column not in content:
        marks = [mark for mark, values in content.items() for _ in _as_list(values, path, mark)]
        return Column([value for values in content.values() for value in values], marks)
    records = content if isinstance(content, list) else [content]
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError(str(path), f"row {row} must be a record with `{column}`, got {show(record)}")
        _require(list(record), path, column)
    marks = [record.get("split") for record in records]
    return Column([record[column] for record in records], marks if any(marks) else None)


def _as_list(values: object, path: Path, mark: str) -> list[object]:
    if mark not in SPLIT_NAMES:
        raise DataError(str(path), f"must map train, valid and test to their sequences, got a key `{mark}`")
    if not isinstance(values, list):
        raise DataError(str(path), f"`{mark}` must be a list of sequences, got {show(values)}")
    return values


def _split_name(mark: object, path: Path, row: int) -> str:
    name = SPLIT_NAMES.get(mark) if isinstance(mark, str) else None
    if name is None:
        raise DataError(str(path), f"`split` must be one of {', '.join(SPLITS)}, got {show(mark)} in row {row}")
    return name


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
        return cut(_join_lines(found.values, path, column), split, fractions, str(path))
    return _join_lines(read_split(files, split, column), path, column)


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


def _join_lines(rows: Sequence[object], path: Path, column: str) -> str:
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
