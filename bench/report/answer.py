"""The answer in plain language: what each cell reached, whether the difference can be told from chance."""

from __future__ import annotations

import pandas as pd

from bench.report.frames import TASK
from bench.report.ink import Inks
from bench.report.naming import size_label
from bench.report.section import Answer
from bench.report.summary import best_groups, done, interval_of
from bench.report.wording import (
    about,
    better,
    decimals,
    interval,
    listed,
    number,
    plain,
    quantity,
    score_label,
    span,
)
from bench.stats.intervals import ENOUGH, Interval

MATCHED = 1.1
"""Largest ratio of parameter counts that still reads as `at about n parameters`."""


def answers(table: pd.DataFrame, runs: pd.DataFrame, looks: Inks) -> tuple[Answer, ...]:
    """Return what the runs say, one answer per task."""
    found = []
    for task, rows in table.groupby(TASK, sort=False):
        of_task = runs[(runs[TASK] == list(task)).all(axis=1)]
        found.append(Answer(plain(rows["task_label"].iloc[0], 80), _sentences(rows, of_task, looks)))
    return tuple(found)


def paired_difference(left: pd.DataFrame, right: pd.DataFrame, split: str, label: str) -> Interval:
    """Return the interval of the mean of left minus right over the seeds that both have."""
    pairs = left.set_index("seed")[split] - right.set_index("seed")[split]
    return interval_of(pairs, f"{label}:{split}:paired")


def _sentences(rows: pd.DataFrame, runs: pd.DataFrame, looks: Inks) -> tuple[str, ...]:
    best = best_groups(rows)
    split = "test" if (best["split"] == "test").any() else "validation"
    best = best[best["split"] == split].sort_values("mean", ascending=bool((best["direction"] != "maximise").all()))
    if best.empty:
        return ("No run has ended as done yet, so there is no score.",)
    reached = _reached(best, len(rows) > len(best), split, looks)
    if len(best) == 1:
        return reached, f"Only {looks[best['cell'].iloc[0]].name} has a score, so nothing is compared."
    return reached, *_comparisons(best, runs, split, looks)


def _reached(best: pd.DataFrame, is_choice: bool, split: str, looks: Inks) -> str:
    digits, first = decimals(best), best.iloc[0]
    means = [
        f"{looks[row['cell']].name} {number(row['mean'], digits)} {interval(row['low'], row['high'], digits)}".strip()
        for _, row in best.iterrows()
    ]
    bars = ", 95 % interval in brackets" * bool(best["low"].notna().any())
    chosen = ", at each cell's best size and settings by validation" * is_choice
    return (
        f"{_at(best, looks)} {listed(means)} (mean {score_label(first['metric'], split)} over n = {span(best['n'])} "
        f"{'seed' if best['n'].max() == 1 else 'seeds'}{bars}; {better(first['direction'])}{chosen})."
    )


def _at(best: pd.DataFrame, looks: Inks) -> str:
    sizes = best["num_params_recurrent"]
    if sizes.max() <= MATCHED * sizes.min():
        return f"At about {about(sizes.mean())} recurrent parameters:"
    shapes = best[["hidden_size", "num_layers"]].drop_duplicates()
    if len(shapes) == 1:
        return (
            f"At hidden size {shapes['hidden_size'].iloc[0]}, {quantity(int(shapes['num_layers'].iloc[0]), 'layer')}:"
        )
    each = [
        f"{looks[row['cell']].name} {size_label(row['hidden_size'], row['num_layers'])}" for _, row in best.iterrows()
    ]
    return f"At sizes that are not matched ({listed(each)}):"


def _comparisons(best: pd.DataFrame, runs: pd.DataFrame, split: str, looks: Inks) -> tuple[str, ...]:
    by_group = {group: rows for group, rows in done(runs).groupby("group")}
    first, second = _pair(best)
    difference = paired_difference(
        by_group[first["group"]], by_group[second["group"]], split, f"{first['group']}-{second['group']}"
    )
    names = looks[first["cell"]].name, looks[second["cell"]].name
    sizes = first["num_params_recurrent"], second["num_params_recurrent"]
    unmatched = max(sizes) / min(sizes) - 1
    if unmatched <= MATCHED - 1:
        return (_verdict(difference, names),)
    return (
        _verdict(difference, names),
        f"Their recurrent parameters differ by {100 * unmatched:.0f} %, so size alone may explain a difference.",
    )


def _pair(best: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Return GRU and LSTM where both ran, otherwise the two best."""
    by_cell = best.set_index("cell", drop=False)
    if {"gru", "lstm"} <= set(by_cell.index):
        return by_cell.loc["gru"], by_cell.loc["lstm"]
    return best.iloc[0], best.iloc[1]


def _verdict(difference: Interval, names: tuple[str, str]) -> str:
    left, right = names
    if difference.n < ENOUGH:
        return (
            f"{quantity(difference.n, 'paired seed')} of {left} and {right}: too few for a significance test, "
            f"at least {ENOUGH} are needed, so neither is called better."
        )
    digits = decimals(pd.DataFrame({"low": [difference.low], "high": [difference.high]}))
    sign = "lower" if difference.mean < 0 else "higher"
    ends = sorted(
        abs(end) if difference.low * difference.high > 0 else end for end in (difference.low, difference.high)
    )
    scored = (
        f"Over {difference.n} paired seeds {left} scores {number(abs(difference.mean), digits)} {sign} than {right} "
    )
    if difference.low * difference.high > 0:
        return f"{scored}{interval(ends[0], ends[1], digits)}: the interval of the paired difference leaves out zero."
    return (
        f"{scored}(difference {left} − {right}: {interval(difference.low, difference.high, digits)}): the interval "
        "includes zero, so these runs do not tell the two apart."
    )
