"""The best trial so far against the number of trials: how the tuning of each cell went, on average its replications."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.core.metrics import METRICS, Direction
from bench.core.wording import better, quantity, score_label, spanned
from bench.report.figures.lines import Line, line_chart, span_of, styles
from bench.report.section import Chart, Section
from bench.results.labels import CellStyles
from bench.results.trial_frames import Tuned

SETTLED = 0.1
"""Share of the trials after which the lines decide how far the axis reaches."""


def best_so_far(tuned: Tuned, looks: CellStyles, heading: str) -> Section:
    """Return the best validation score of each study after each of its trials."""
    trials = tuned.trials.assign(best_so_far=_running(tuned.trials, tuned.first.direction))
    drawn = trials.groupby("study").filter(lambda rows: bool(rows["score"].notna().any()))
    if drawn.empty:
        return Section(heading, ("No trial is done yet, so there is no score to show.",))
    looks_of = styles(tuned.studies, looks)
    lines = [
        Line(str(name), *looks_of[str(name)], _mean_line(rows), _by_replication(rows, "score").to_numpy())
        for name, rows in drawn.groupby("study", sort=False)
    ]
    limits = _limits(lines, tuned.first.direction)
    label, direction = score_label(METRICS[tuned.first.metric].name, "validation"), better(tuned.first.direction)
    chart = Chart(
        name=f"{tuned.stem}-tuning",
        alt=_alt(lines),
        caption=_caption(drawn, limits),
        figure=line_chart(lines, "trials, in the order in which they were asked for", f"{label},\n{direction}", limits),
        data=drawn,
    )
    return Section(heading, (), chart=chart)


def _limits(lines: list[Line], direction: Direction) -> tuple[float, float]:
    """Return an axis range that holds the lines once they have settled, and the better half of each study's trials."""
    settled = [line.values[int(SETTLED * len(line.values)) :] for line in lines]
    scores = [np.sort(line.points[np.isfinite(line.points)]) for line in lines]
    halves = [each[-len(each) // 2 :] if direction == "maximise" else each[: (len(each) + 1) // 2] for each in scores]
    return span_of([*settled, *halves])


def _running(trials: pd.DataFrame, direction: Direction) -> pd.Series[float]:
    """Return the best score up to each trial of its study, nan before the first that is done."""
    by_study = trials.groupby("study_key")["score"]
    best = by_study.cummax() if direction == "maximise" else by_study.cummin()
    return best.groupby(trials["study_key"]).ffill()


def _by_replication(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a column with a row for each replication and a column for each number of trials."""
    return rows.pivot(index="replication", columns="number", values=column)


def _mean_line(rows: pd.DataFrame) -> np.ndarray:
    """Return the mean over the replications where all have a best trial and as many trials, nan elsewhere."""
    return np.asarray(_by_replication(rows, "best_so_far").mean(skipna=False))


def _caption(drawn: pd.DataFrame, limits: tuple[float, float]) -> str:
    n_trials, n_done = drawn.groupby("study_key").size(), int(drawn["score"].notna().sum())
    n_beyond = int((~drawn["score"].between(*limits) & drawn["score"].notna()).sum())
    beyond = f" {quantity(n_beyond, 'marker')} beyond the ends of the axis." if n_beyond else ""
    is_replicated = bool(drawn["replication"].any())
    per, mean = ("replication", ", mean over the replications") if is_replicated else ("study", "")
    return (
        f"n = {spanned(n_trials, 'trial')} per {per}. Line: validation score of the best trial so far{mean}; each "
        f"small marker is one trial that is done ({n_done} of {len(drawn)}). No interval is drawn: this is what "
        f"happened, in one order of the trials. The best of many noisy scores flatters its settings.{beyond}"
    )


def _alt(lines: list[Line]) -> str:
    ends = "; ".join(f"{line.label} {_end(line.values)}" for line in lines)
    return f"Best validation score so far against the number of trials. At the end: {ends}."


def _end(values: np.ndarray) -> str:
    """Return the last value that is known, and after how many trials."""
    known = np.flatnonzero(np.isfinite(values))
    return f"{values[known[-1]]:.4g} after {quantity(int(known[-1]) + 1, 'trial')}" if len(known) else "not known yet"
