"""How easily a cell is trained: cards of the shares of its trials that come near its best one, or that diverge."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from bench.claims.cards import Cards, Compared, DataSet
from bench.claims.claim import ADJECTIVES, Comparison
from bench.claims.margins import margins
from bench.claims.sides import NotTestedError, cell_name
from bench.claims.trials import paired_trials
from bench.core.interval import ENOUGH
from bench.core.wording import quantity
from bench.stats.card import Card, confidence_of, share_won
from bench.stats.paired import paired_difference

NEAR = 0.02
"""A trial is near the best of its study where its score is within this share of it."""

WHAT = {"share_near_best": f"trials within {100 * NEAR:g} % of the best one", "share_diverged": "trials that diverged"}


def cards_of_trials(comparison: Comparison, data_sets: Sequence[DataSet]) -> Cards:
    """Return the card of the shares of trials of two cells on each data set, paired by trials of the same settings."""
    looked = {each.label: _pairs(comparison, each) for each in data_sets}
    m = sum(1 for found in looked.values() if isinstance(found, pd.DataFrame) and len(found) >= ENOUGH)
    confidence = confidence_of(m)
    return {
        each.label: found if isinstance(found, str) else _compared(comparison, each, found, confidence)
        for each, found in zip(data_sets, looked.values(), strict=True)
    }


def _pairs(comparison: Comparison, data_set: DataSet) -> pd.DataFrame | str:
    """Return for each trial that both cells had whether either was near its best, or diverged.

    Where the search has replications, these are the pairs, and the numbers are shares of their trials.
    """
    try:
        family, sides = paired_trials(comparison, data_set.runs, data_set.tuned)
    except NotTestedError as error:
        return str(error)
    is_minimised = family.first.direction == "minimise"
    values = [_is_so(comparison, side, is_minimised=is_minimised) for side in sides]
    pairs = pd.concat(values, axis=1, keys=["left", "right"], join="inner")
    is_replicated = any(len(studies) > 1 for studies in family.replications.values())
    return pairs.groupby("replication").mean() if is_replicated else pairs.droplevel("replication")


def _is_so(comparison: Comparison, trials: pd.DataFrame, *, is_minimised: bool) -> pd.Series:
    over = trials[trials["state"].isin(["done", "diverged"])]
    if comparison.metric == "share_diverged":
        return pd.Series(over["state"] == "diverged", over.index, dtype=float)
    scores = over["score"].where(over["state"] == "done")
    best = scores.groupby("replication").transform("min" if is_minimised else "max")
    return pd.Series((scores - best).abs() <= NEAR * best.abs(), over.index, dtype=float)


def _compared(comparison: Comparison, data_set: DataSet, pairs: pd.DataFrame, confidence: float) -> Compared:
    left, right = (tuple(pairs[name]) for name in ("left", "right"))
    first, second = (cell_name(choice, data_set.runs) for choice in comparison.choices)
    card = Card(
        data_set.label,
        first,
        second,
        comparison.is_minimised,
        (float(np.mean(left)), float(np.mean(right))),
        paired_difference(left, right, confidence=confidence),
        confidence,
        margins()["share"].size,
        share_won(left, right, is_minimised=comparison.is_minimised, confidence=confidence),
        adjective=ADJECTIVES[comparison.metric][0],
    )
    noun = "replication" if pairs.index.name == "replication" else "trial"
    runs = f"{quantity(len(pairs), noun)} with the same settings for either"
    tuning = f"{quantity(len(pairs), noun)} each"
    differences = {int(number): first - second for number, first, second in zip(pairs.index, left, right, strict=True)}
    return Compared(
        card, runs, f"share of {WHAT[comparison.metric]}", tuning, "in this search" * (noun == "trial"), (), differences
    )
