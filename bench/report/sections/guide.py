"""How to read a report: a glossary of the terms that occur in it."""

from __future__ import annotations

import pandas as pd

from bench.core.interval import ENOUGH
from bench.core.wording import METRIC_MEANS, METRIC_NAMES, better
from bench.results.summary import repeat_of, reported
from bench.stats.intervals import BOOTSTRAP
from bench.stats.paired import PAIRED

CELL_AND_SEED = (
    (
        "Cell",
        "the equations of one step of a recurrent network. GRU and LSTM have gates that decide what is kept; tanh has "
        "none.",
    ),
    (
        "Seed, n",
        "a seed fixes the starting weights and the order of the data. n is the number of trainings that differ in the "
        "seed alone; equal seeds of two cells see the same data in the same order, so they are compared in pairs.",
    ),
)

ALWAYS = (
    (
        "Parameters",
        "a cell's size. Recurrent: the recurrent layers alone. Total: with readout and embedding. A comparison is fair "
        "only at a stated size.",
    ),
    (
        "Unigram baseline",
        "the score of a model that knows how often each symbol occurs in training and nothing of its context.",
    ),
    (
        "Kernel",
        "the program that computes a cell. Speeds of different kernels are not speeds of different cells.",
    ),
)

WHERE_TUNED = (
    (
        "Study, trial",
        "a study is the tuning of one cell on one task, a trial one choice of its settings. Trials are judged by "
        "validation alone; the best is then confirmed on fresh seeds, and only there is the test split opened.",
    ),
    (
        "Share of a setting",
        "how much of the variance of the scores a setting explains by itself over the space that was searched "
        "(fANOVA), and its part in telling the best quarter of the trials from all (PED-ANOVA). Another space gives "
        "other shares.",
    ),
)


REPLICATION = (
    "Replication, n",
    "a replication is the whole procedure once: trials with draws and seeds of their own, the best chosen by "
    "validation, and that trained once more on a fresh seed and scored. n is their number; those of one number have "
    "the same draws and seeds in every cell, so they are compared in pairs.",
)


def _interval(repeat: str) -> tuple[str, str]:
    """Return what an interval is, given what it is over."""
    others = "data" if repeat == "replication" else "data or settings"
    return (
        "Interval",
        f"the 95 % {BOOTSTRAP} interval says how far the mean would move with other {repeat}s. It knows nothing of "
        f"other {others}, and below n = {ENOUGH} it is too narrow. A difference of two cells has the interval of the "
        f"{PAIRED}.",
    )


def guide(runs: pd.DataFrame, *, is_tuned: bool = False) -> tuple[tuple[str, str], ...]:
    """Return terms with their meanings, the report's own metrics first."""
    metrics = runs[["metric", "direction"]].drop_duplicates().sort_values("metric")
    meanings = [
        (METRIC_NAMES.get(name, name), f"{METRIC_MEANS.get(name, 'the score named by the task')}; {better(direction)}.")
        for name, direction in zip(metrics["metric"], metrics["direction"], strict=True)
    ]
    repeat = repeat_of(reported(runs))
    replication = (REPLICATION,) if repeat != "seed" else ()
    return (*meanings, *CELL_AND_SEED, *replication, _interval(repeat), *ALWAYS, *(WHERE_TUNED if is_tuned else ()))
