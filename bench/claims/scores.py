"""Scores that somebody else has made, as a CSV file, and the effect cards of their sides."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from bench.core.errors import DataError, did_you_mean
from bench.stats.card import Card, Margin, card_of

SIDE, TASK, SCORE, PAIRS = "side", "task", "score", ("replication", "seed")
"""The columns; one of PAIRS says which scores of two sides belong together."""

MOST_BYTES = 64 * 2**20

Scores = dict[str, dict[str, dict[str, float]]]
"""A score by task, side and pair."""


def read_scores(path: Path) -> Scores:
    """Return the scores of a CSV file with the columns side, score, seed or replication, and task where it has one.

    Raises DataError for a file without these columns, a score that is no number, and one that stands twice.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(str(path), f"more than {MOST_BYTES // 2**20} MiB are no table of scores")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), getattr(error, "strerror", None) or "not a text in UTF-8") from None
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = [name.strip() for name in rows.fieldnames or ()]
    rows.fieldnames = columns
    pair = _pair_column(path, columns)
    scores: Scores = {}
    lines: dict[tuple[str, str, str], int] = {}
    try:
        for row in rows:
            where, line = f"{path}, line {rows.line_num}", rows.line_num
            task, side, which = ((row.get(name) or "").strip() for name in (TASK, SIDE, pair))
            if not side or not which:
                raise DataError(where, f"no {SIDE if not side else pair}")
            if first := lines.get((task, side, which)):
                raise DataError(where, f"{side}, {pair} {which} stands in line {first} already")
            lines[task, side, which] = line
            scores.setdefault(task, {}).setdefault(side, {})[which] = _score(where, row.get(SCORE))
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}", str(error)) from None
    if not scores:
        raise DataError(str(path), "no scores")
    return scores


def _pair_column(path: Path, columns: Sequence[str]) -> str:
    for name in (SIDE, SCORE):
        if name not in columns:
            raise DataError(str(path), f"no column `{name}`; {_there_are(columns)}")
    found = [name for name in PAIRS if name in columns]
    if len(found) != 1:
        problem = "both columns" if found else "neither column"
        problem += f" `{PAIRS[0]}` and `{PAIRS[1]}`; one says which scores are a pair; {_there_are(columns)}"
        raise DataError(str(path), problem)
    return found[0]


def _there_are(columns: Sequence[str]) -> str:
    if len(columns) == 1:
        return f"there is the column `{columns[0]}` alone; columns are separated by commas"
    return f"there are {', '.join(columns) or 'none'}"


def _score(where: str, text: str | None) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(where, f"{SCORE} must be a finite number, got {(text or '').strip()!r}")
    return value


def cards_of(
    path: Path,
    scores: Scores,
    *,
    sides: Sequence[str] = (),
    margin: Margin | None = None,
    is_minimised: bool = True,
) -> list[Card]:
    """Return a card for each task and pair of sides, the intervals holding all together.

    Raises DataError for a side that is not there or is asked for twice, a task with fewer than two, a score without
    its pair, and a margin of nothing.
    """
    known = list(dict.fromkeys(side for each in scores.values() for side in each))
    for place, side in enumerate(sides):
        if side not in known:
            raise DataError(str(path), f"no side `{side}`; {did_you_mean(side, known)}")
        if side in sides[:place]:
            raise DataError(str(path), f"side `{side}` is asked for twice")
    if len(sides) == 1:
        raise DataError(str(path), f"the side `{sides[0]}` is asked for alone; two are compared")
    chosen = list(sides) or known
    compared = []
    for task, by_side in scores.items():
        there = [side for side in chosen if side in by_side]
        if len(there) < 2:
            raise DataError(str(path), f"{task or 'the file'} has the side {', '.join(there)} alone; two are compared")
        compared += [(task, pair) for pair in combinations(there, 2)]
    cards = [
        card_of(
            task,
            (left, right),
            _paired(path, task, left, right, scores[task]),
            margin=margin,
            is_minimised=is_minimised,
            n_comparisons=len(compared),
        )
        for task, (left, right) in compared
    ]
    for card in cards:
        if card.margin == 0:
            where = f"{card.task}: " if card.task else ""
            raise DataError(str(path), f"{where}a share of a mean of 0 is no margin; give it in the unit of the score")
    return cards


def _paired(
    path: Path, task: str, left: str, right: str, scores: dict[str, dict[str, float]]
) -> tuple[list[float], list[float]]:
    for one, other in ((left, right), (right, left)):
        if lacking := [each for each in scores[one] if each not in scores[other]]:
            where = f"{task}: " if task else ""
            problem = f"{where}`{other}` has no score {lacking[0]}, which `{one}` has; only pairs can be compared"
            raise DataError(str(path), problem)
    return [scores[left][each] for each in scores[left]], [scores[right][each] for each in scores[left]]
