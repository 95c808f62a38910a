"""Which cell did better on each task, card by card, and what would decide what is undecided."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from bench.claims.cards import Compared
from bench.claims.evaluate import CardsOf
from bench.core.interval import ENOUGH
from bench.core.wording import better, plain, quantity, score_label
from bench.report.section import Decision, Outcome
from bench.report.sections.answer import best_scored, card_between, pair
from bench.results.frames import TASK
from bench.results.labels import CellStyles
from bench.results.summary import repeat_of

MOST_PAIRS = 3
"""Pairs of cells that are compared on a task: GRU and LSTM, and the best cell with the next ones."""

ADVISED = 10
"""Repetitions to begin with, where there are too few for an interval."""

MOST = 10_000
"""More repetitions than that are not advised."""


def outcomes(table: pd.DataFrame, looks: CellStyles, cards: CardsOf) -> tuple[Outcome, ...]:
    """Return the outcome of each task on which several cells have a score."""
    found = []
    for _, rows in table.groupby(TASK, sort=False):
        best = best_scored(rows)
        if len(best) > 1:
            first = best.iloc[0]
            score = f"{score_label(first['metric'], first['split'])}, {better(first['direction'])}"
            decisions = tuple(_decision(*sides, looks, cards) for sides in _pairs(best))
            found.append(Outcome(plain(first["task_label"], 60), score, decisions))
    return tuple(found)


def _pairs(best: pd.DataFrame) -> list[tuple[pd.Series, pd.Series]]:
    """Return the pairs to compare: that of the answer, then the best cell and each other one."""
    pairs = [pair(best), *((best.iloc[0], best.iloc[i]) for i in range(1, len(best)))]
    distinct = {frozenset((left["cell"], right["cell"])): (left, right) for left, right in reversed(pairs)}
    return list(reversed(distinct.values()))[:MOST_PAIRS]


def _decision(left: pd.Series, right: pd.Series, looks: CellStyles, cards: CardsOf) -> Decision:
    found = card_between(left, right, cards)
    names = (looks[left["cell"]].name, looks[right["cell"]].name)
    needs = "" if isinstance(found, str) else "; ".join(_needs(found, pd.DataFrame([left, right])))
    return Decision(names, found, needs)


def _needs(found: Compared, sides: pd.DataFrame) -> Iterator[str]:
    """Yield what would decide an undecided card."""
    card, repeat = found.card, repeat_of(sides)
    if card.outcome != "undecided":
        return
    if card.interval.n < ENOUGH:
        yield f"{quantity(card.interval.n, repeat)}, {ENOUGH} are needed: {_advice(sides, ADVISED)}"
        return
    if found.crossed is not None:
        pieces = (found.crossed.pieces.high - found.crossed.pieces.low) / 2
        if pieces > card.margin / 2:
            n_pieces = quantity(found.crossed.pieces.n, "test piece")
            yield f"more {repeat}s alone would not decide: ±{pieces:.2g} comes from having {n_pieces}"
            return
    n = card.pairs_for_half_a_margin
    if n is not None and n > card.interval.n:
        yield (
            f"about {n:,} {repeat}s would decide: {_advice(sides, n)}" if n <= MOST else f"more than {MOST:,} {repeat}s"
        )


def _advice(sides: pd.DataFrame, n: int) -> str:
    """Return the override that gives a comparison so many repetitions."""
    if repeat_of(sides) == "replication":
        return f"add tune.replications={n}"
    return f"add tune.confirm_seeds={n}" if (sides["chosen_by"] == "search").any() else f"add 'seed=range({n})'"
