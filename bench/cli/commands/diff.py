"""Compare two results directories: which runs differ, by how much, and whether the means of their groups do."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.cli.commands.tables import table
from bench.core.wording import plain, quantity, rounded
from bench.results import kept_weights, read_studies
from bench.results.diff import Diff, GroupDifference, Pair, compare
from bench.results.records import results_of
from bench.results.run import RunRecord
from bench.results.status import GROUP

MOST_LINES = 20


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("left", metavar="A", type=Path, help="results/NAME")
    parser.add_argument("right", metavar="B", type=Path, help="another results/NAME")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object on stdout")


def run(arguments: argparse.Namespace) -> int:
    """Print how two directories differ and return the exit status: 1 where a record is damaged."""
    left, right = results_of(arguments.left), results_of(arguments.right)
    kept = kept_weights(arguments.left, left.records), kept_weights(arguments.right, right.records)
    damaged = (*left.damaged, *right.damaged, *kept[0].damaged, *kept[1].damaged)
    counts = {side: each.n for side, each in zip("ab", kept, strict=True)}
    studies = read_studies(arguments.left).records, read_studies(arguments.right).records
    found = compare(left.records, right.records, studies)
    if arguments.json:
        print(json.dumps({**rows(found), "kept_weights": counts, "damaged": damaged}, indent=1))
    else:
        print("\n\n".join([describe(found), *_kept(counts)]))
    for message in damaged:
        print(f"damaged: {plain(message)}", file=sys.stderr)
    return 1 if damaged else 0


def rows(found: Diff) -> dict[str, Any]:
    """Return a difference as one JSON-safe object."""
    return {
        "only_a": _labels(found.only_left),
        "only_b": _labels(found.only_right),
        "identical": _labels(found.identical),
        "different": [_pair(pair) for pair in found.different],
        "same_task_cell_size_seed": [_pair(pair) for pair in found.rematched],
        "groups": rounded([_group(group) for group in found.groups]),
    }


def describe(found: Diff) -> str:
    """Return a difference for a person."""
    parts = [
        f"{quantity(len(found.identical), 'run')} identical to the last bit, {len(found.different):,} different, "
        f"{len(found.only_left):,} only in A, {len(found.only_right):,} only in B",
        _pairs("different outcomes of the same run", found.different),
        _pairs("other settings, but the same task, cell, size and seed", found.rematched),
        _groups(found.groups),
    ]
    return "\n\n".join(part for part in parts if part)


def _kept(counts: Mapping[str, int]) -> list[str]:
    """Return a line about kept weights; whether they are the same is among what the outcomes of Runs differ in."""
    kept = f"weights kept: of {quantity(counts['a'], 'run')} in A, {counts['b']:,} in B"
    return [kept] if any(counts.values()) else []


def _pairs(heading: str, pairs: Sequence[Pair]) -> str:
    if not pairs:
        return ""
    columns = ("a", "metric", "value_a", "value_b", "relative", "differs_in")
    shown = [{name: _text(value) for name, value in _pair(pair).items()} for pair in pairs[:MOST_LINES]]
    for row in shown:  # a run without a score shows its status instead
        row |= {f"value_{side}": row[f"value_{side}"] or row[f"status_{side}"] for side in "ab"}
    return f"{heading}:\n{table(shown, columns)}{_more(len(pairs))}"


def _groups(groups: Sequence[GroupDifference]) -> str:
    if not groups:
        return ""
    numbers = ("metric", "n", "b_minus_a", "low", "high", "interval", "conclusion")
    columns = (*GROUP, "settings", *numbers, "settings_a", "settings_b")
    ordered = sorted(groups, key=lambda group: group.conclusion != "different")
    shown = [{name: _text(value) for name, value in _group(group).items()} for group in ordered[:MOST_LINES]]
    told = [name for name in columns if any(row[name] for row in shown)]
    return f"means of B minus A:\n{table(shown, told)}{_more(len(groups))}"


def _more(n: int) -> str:
    return f"\nand {n - MOST_LINES:,} more; --json lists all" if n > MOST_LINES else ""


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "a": pair.left.run.label,
        "b": pair.right.run.label,
        "metric": pair.metric,
        "value_a": pair.scores[0],
        "value_b": pair.scores[1],
        "relative": pair.relative,
        "status_a": pair.left.outcome.status,
        "status_b": pair.right.outcome.status,
        "differs_in": pair.fields,
    }


def _group(group: GroupDifference) -> dict[str, Any]:
    interval = dataclasses.asdict(group.interval) if group.interval is not None else {}
    return {
        **dict(zip(GROUP, group.condition, strict=True)),
        "settings": group.label,
        "metric": group.metric,
        "n": interval.get("n"),
        "b_minus_a": interval.get("mean"),
        "low": interval.get("low"),
        "high": interval.get("high"),
        "interval": interval.get("kind", ""),
        "conclusion": group.conclusion,
        "settings_a": group.settings.get("A", ""),
        "settings_b": group.settings.get("B", ""),
    }


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return ", ".join(value)
    return "" if value is None else plain(str(value), 80)


def _labels(records: Sequence[RunRecord]) -> list[str]:
    return [record.run.label for record in records]
