"""Loss by cell: every seed as a point, the mean with its interval; the axis is not extended to a baseline."""

from __future__ import annotations

import pandas as pd

from bench.core.wording import better, decimals, interval, number, quantity, score_label, spanned
from bench.report.figures.rows import MOST_ROWS, Row, row_chart
from bench.report.section import Chart, Section
from bench.results.labels import CellStyles, group_label
from bench.results.summary import done, repeat_of, reported
from bench.stats.intervals import BOOTSTRAP


def loss(table: pd.DataFrame, runs: pd.DataFrame, looks: CellStyles, stem: str) -> Section:
    """Return the scores of one task, given its summary and its runs."""
    heading = "Score by cell"
    split = "test" if (table["split"] == "test").any() else "validation"
    scored = table[(table["n"] > 0) & (table["split"] == split)]
    if scored.empty:
        return Section(heading, ("No run of this task has ended as done, so there is no score to show.",))
    shown = scored.head(MOST_ROWS)
    points = _points(shown, runs, split)
    axis = f"{score_label(shown['metric'].iloc[0], split)}, {better(shown['direction'].iloc[0])}"
    digits = decimals(shown)
    rows = [_row(row, points[split][points["group"] == row["group"]], looks, digits) for _, row in shown.iterrows()]
    chart = Chart(
        name=f"{stem}-score",
        alt=_alt(shown, looks, split),
        caption=_caption(shown, len(table) - len(shown)),
        figure=row_chart(rows, axis),
        data=points,
    )
    return Section(heading, (_text(shown, split),), chart=chart)


def _points(shown: pd.DataFrame, runs: pd.DataFrame, split: str) -> pd.DataFrame:
    runs = done(reported(runs))
    columns = ["cell", "hidden_size", "num_layers", "settings", "group", "seed", split]
    means = shown[["group", "mean", "low", "high", "n"]]
    return runs.loc[runs["group"].isin(shown["group"]), columns].merge(means, on="group")


def _row(row: pd.Series, values: pd.Series, looks: CellStyles, digits: int) -> Row:
    mean = f"{number(row['mean'], digits)} {interval(row['low'], row['high'], digits)}"
    return Row(
        label=group_label(row, looks),
        numbers=f"{mean.strip()}   n = {row['n']}",
        style=looks[row["cell"]],
        values=list(values.dropna()),
        centre=row["mean"],
        low=row["low"],
        high=row["high"],
    )


def _alt(shown: pd.DataFrame, looks: CellStyles, split: str) -> str:
    digits = decimals(shown)
    means = "; ".join(f"{group_label(row, looks)} {number(row['mean'], digits)}" for _, row in shown.iterrows())
    return f"Row chart of {split} scores, best mean first: {means}."


def _caption(shown: pd.DataFrame, n_left_out: int) -> str:
    left_out = f" Not drawn: {quantity(n_left_out, 'more row')}, without a score or past the first {MOST_ROWS}."
    single = "; one run has none" if (shown["n"] == 1).any() else ""
    return (
        f"n = {spanned(shown['n'], 'run')} per row, each point one {repeat_of(shown)}. Diamond: mean. Bar: 95 % "
        f"{BOOTSTRAP} interval of the mean{single}. The axis does not start at zero.{left_out if n_left_out else ''}"
    )


def _text(shown: pd.DataFrame, split: str) -> str:
    score = f"The score is {score_label(shown['metric'].iloc[0], split)}, of the weights that were best on validation"
    baseline = shown["baseline"].dropna()
    if baseline.empty:
        return f"{score}."
    return (
        f"{score}. For orientation: the unigram baseline, which knows how often each symbol occurs and nothing else, "
        f"scores {number(baseline.iloc[0], 2)}; it is left off the axis so that the cells can be told apart."
    )
