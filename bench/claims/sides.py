"""The two sides of a comparison on one task: the groups of runs that are compared, chosen by validation alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

import pandas as pd

from bench.claims.claim import FRACTION, THRESHOLDS, TIMED, CellChoice, Comparison
from bench.core.wording import listed, plain
from bench.results.frames import CONDITIONS, SIZE, SIZED, are_interleaved
from bench.results.labels import styles_of
from bench.results.summary import at_fractions, best_groups, done

FAIR = {"hidden": SIZE, "same": SIZE, "any": []}
"""What has to be equal on both sides, by the mode in which sizes were made fair; a solved size has its budget."""

CHOSEN_BY_ALL = ("same", "any")
"""Modes of claims to which runs speak whatever their sizes were chosen for."""

BUDGET = ["size_budget", "size_count"]

TIMED_ALIKE = ["regularisers"]
"""What has to be equal too where times are compared: noise takes time, and more updates."""


@dataclass(frozen=True)
class Side:
    """A cell as the claim means it: the row of the summary that was chosen, its runs, and those that are compared."""

    name: str
    row: pd.Series
    runs: pd.DataFrame
    done: pd.DataFrame


class NotTestedError(Exception):
    """A claim cannot be tested on a task; the message gives the reason in one sentence."""


def sides_of(comparison: Comparison, rows: pd.DataFrame, runs: pd.DataFrame) -> tuple[Side, Side]:
    """Return both sides of a comparison, given the summary of one task and its runs. Raises NotTestedError.

    Where several sizes ran, they are the first of `sides_over_sizes`.
    """
    return sides_over_sizes(comparison, rows, runs)[0]


def sides_over_sizes(comparison: Comparison, rows: pd.DataFrame, runs: pd.DataFrame) -> list[tuple[Side, Side]]:
    """Return both sides at each fair size that both have, first where the two validation scores are best together.

    Where several settings ran, each side is at the group of the best mean validation score. Where several shares of the
    training split were trained on, both sides are at the largest that both have, or at the smallest. Raises
    NotTestedError.
    """
    left, right = candidates(comparison, rows, runs)
    names = [cell_name(choice, runs) for choice in comparison.choices]
    shared = set(left["train_fraction"]) & set(right["train_fraction"])
    if not shared:
        raise NotTestedError(f"{listed(names)} have no share of the training split in common.")
    if comparison.data is not None and len(shared) < 2:
        raise NotTestedError("No runs sweep the training fraction.")
    share = min(shared) if comparison.data == "least" else max(shared)
    left, right = (side[side["train_fraction"] == share] for side in (left, right))
    key = FAIR.get(comparison.size_mode, BUDGET)
    pairs = _pairs(left, right, [*key, *TIMED_ALIKE] if comparison.metric in (*TIMED, *THRESHOLDS) else key)
    if not pairs and _pairs(left, right, key):
        raise NotTestedError(f"{listed(names)} were regularised differently, and their times are not compared.")
    if not pairs:
        raise NotTestedError(f"{listed(names)} have no {'width' if key != BUDGET else 'budget'} in common.")
    ranked = sorted(pairs, key=_rank)
    return [(side_at(names[0], first, runs), side_at(names[1], second, runs)) for first, second in ranked]


def of_equal_conditions(left: Side, right: Side) -> tuple[Side, Side]:
    """Return both sides restricted to interleaved runs of one kernel on one machine.

    Raises NotTestedError where there are none.
    """
    by_condition = [dict(list(side.done.groupby(CONDITIONS))) for side in (left, right)]
    shared = by_condition[0].keys() & by_condition[1].keys()
    if not shared:
        raise NotTestedError(_why_apart(left, right))
    best = max(sorted(shared, key=str), key=lambda key: min(len(found[key]) for found in by_condition))
    first, second = (replace(side, done=found[best]) for side, found in zip((left, right), by_condition, strict=True))
    if not are_interleaved([first.done, second.done]):
        raise NotTestedError(
            f"The runs of {left.name} and {right.name} did not take turns, and their times are not compared: a machine "
            "that slows down for a while would slow down one of them alone."
        )
    return first, second


def of_cell(choice: CellChoice, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that a claim means by a cell: of that name where there are some, else of that kind."""
    meant = [node for node in runs["cell_node"].unique() if choice.admits(json.loads(node))]
    named = [node for node in meant if json.loads(node).get("name") == choice.word]
    return runs[runs["cell_node"].isin(named or meant)]


def cell_name(choice: CellChoice, runs: pd.DataFrame) -> str:
    """Return the name of a side: the cell's printed name, and the fields that restrict it."""
    return f"{styles_of(runs, [choice.word])[choice.word].name} {choice.fields_text}".strip()


def candidates(comparison: Comparison, rows: pd.DataFrame, runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of either side with a score at a fair size. Raises NotTestedError if a side has none."""
    fair = _fair(comparison, rows)
    left, right = (_of_cell(choice, fair, runs) for choice in comparison.choices)
    both = zip(comparison.choices, (left, right), strict=True)
    missing = [cell_name(choice, runs) for choice, side in both if side.empty]
    if missing:
        raise NotTestedError(f"No finished run of {listed(missing)}{_mode(comparison)}.")
    return left, right


def side_at(name: str, row: pd.Series, runs: pd.DataFrame) -> Side:
    """Return the side of that name at a row of the summary."""
    of_group = runs[runs["group"] == row["group"]]
    return Side(name, row, of_group, done(of_group))


def _fair(comparison: Comparison, rows: pd.DataFrame) -> pd.DataFrame:
    fair = rows if comparison.size_mode in CHOSEN_BY_ALL else rows[rows["size_mode"] == comparison.size_mode]
    if comparison.size_count:
        fair = fair[fair["size_count"] == comparison.size_count]
    if not comparison.budget:
        return fair
    low, high = comparison.budget
    return fair[fair["size_budget"].between(low, high)]


def _of_cell(choice: CellChoice, rows: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    meant = set(of_cell(choice, runs)["group"])
    return rows[rows["group"].isin(meant) & (rows["n"] > 0)]


def _mode(comparison: Comparison) -> str:
    if comparison.size_mode in CHOSEN_BY_ALL:
        return ""
    count = f" size.count={comparison.size_count}" if comparison.size_count else ""
    budget = f", at a budget from {comparison.budget[0]:,g} to {comparison.budget[1]:,g}" if comparison.budget else ""
    return f" with size={comparison.size_mode}{count}{budget}"


def _pairs(left: pd.DataFrame, right: pd.DataFrame, key: list[str]) -> list[tuple[pd.Series, pd.Series]]:
    """Return the best group of either side at each size that both have."""
    sides = [_by_size(side, key) for side in (left, right)]
    found = []
    for size in sorted(sides[0].keys() & sides[1].keys(), key=str):
        best = [best_groups(side[size].assign(cell="")) for side in sides]
        if not any(rows.empty for rows in best):
            first, second = (side[size].loc[rows.index[0]] for side, rows in zip(sides, best, strict=True))
            found.append((first, second))
    return found


def _by_size(rows: pd.DataFrame, key: list[str]) -> dict[Hashable, pd.DataFrame]:
    return dict(list(rows.groupby(key))) if key else {(): rows}


def _rank(pair: tuple[pd.Series, pd.Series]) -> float:
    mean = float(pair[0]["validation"] + pair[1]["validation"]) / 2
    return -mean if pair[0]["direction"] == "maximise" else mean


def _why_apart(left: Side, right: Side) -> str:
    for name in CONDITIONS:
        found = [sorted({plain(str(value), 60) for value in side.done[name]}) for side in (left, right)]
        if not set(found[0]) & set(found[1]):
            told = f"{name} {listed(found[0])} for {left.name}, {listed(found[1])} for {right.name}"
            return f"Speeds of different {name}s are not compared ({told})."
    return (
        f"No run of {left.name} and {right.name} had the same kernel, processor, device and number of threads; speeds "
        "of others are not compared."
    )


Steps = tuple[tuple[Side, Side], ...]


def steps_of(comparison: Comparison, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides of a comparison at each of its steps, given the summary of one task and its runs.

    One over data has a step for each share of the training split, from the smallest; one over a regulariser has one
    without it and one with it; any other has one. Raises NotTestedError.
    """
    if comparison.over == FRACTION:
        return _over_data(comparison, rows, runs)
    if comparison.regulariser is not None:
        return _without_and_with(comparison, comparison.regulariser, rows, runs)
    return (sides_of(comparison, rows, runs),)


def _over_data(comparison: Comparison, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides at each share of the training split that both have.

    The size is the one chosen at the largest share; at each, either side is at its best settings there.
    """
    scored = rows[rows["n"] > 0]
    swept = scored[scored.groupby(SIZED)["train_fraction"].transform("nunique") > 1]
    if swept.empty:
        raise NotTestedError("No runs sweep the training fraction.")
    chosen = sides_of(comparison, swept, runs)
    found = [
        {row["train_fraction"]: side_at(side.name, row, runs) for _, row in at_fractions(those, side.row).iterrows()}
        for side, those in zip(chosen, candidates(comparison, swept, runs), strict=True)
    ]
    shared = sorted(found[0].keys() & found[1].keys())
    if len(shared) < 2:
        names = listed([side.name for side in chosen])
        raise NotTestedError(f"{names} have fewer than two shares of the training split in common.")
    return tuple((found[0][fraction], found[1][fraction]) for fraction in shared)


def _without_and_with(comparison: Comparison, regulariser: str, rows: pd.DataFrame, runs: pd.DataFrame) -> Steps:
    """Return both sides without a regulariser and with it, all four of one size and share of the training split.

    The size is the one chosen with it; of several strengths, either side is at its best one. Whatever else
    regularises is the same without it.
    """
    names = rows["regularisers"].str.split(", ")
    rows = rows.assign(is_on=names.apply(lambda on: regulariser in on), others=names.apply(_but(regulariser)))
    if not rows["is_on"].any():
        raise NotTestedError(f"No runs have {regulariser} on.")
    regularised = sides_of(comparison, rows[rows["is_on"]], runs)
    alike = [*SIZED, "train_fraction", "others"]
    is_like = [(rows[alike] == side.row[alike]).all(axis=1) for side in regularised]
    plain = rows[~rows["is_on"] & (is_like[0] | is_like[1])]
    if plain.empty or len({side.row["others"] for side in regularised}) > 1:
        raise NotTestedError(f"No runs are the same but for {regulariser} being off.")
    return (sides_of(comparison, plain, runs), regularised)


def _but(regulariser: str) -> Callable[[list[str]], str]:
    return lambda names: ", ".join(name for name in names if name != regulariser)
