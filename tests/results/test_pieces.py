"""The pieces of several runs are one array where they are the same pieces, and nothing where they are not."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from bench.results.pieces import difference_over_pieces, pieces_of
from bench.results.run import Pieces
from bench.stats.pieces import crossed_difference
from tests.results.test_run import record

UNITS = (10, 78, 20, 31)


def made(nats, units=UNITS, *, data="ef", metric="nll"):
    outcome = dataclasses.replace(
        record().outcome,
        pieces={"test": Pieces(tuple(nats), units)} if nats else {},
        data_digests={"train": "ab", "test": data},
    )
    run = dataclasses.replace(record().run, task={**record().run.task, "metric": metric})
    return dataclasses.replace(record(), run=run, outcome=outcome)


LEFT = [made([81.0, 690.0 + r, 160.5, 250.0]) for r in range(3)]
RIGHT = [made([80.0, 670.0, 163.0, 245.0 + r**2]) for r in range(3)]


def test_losses_come_in_the_order_of_the_records_with_the_units_of_each_piece():
    found = pieces_of(LEFT)
    assert found is not None
    assert found.nats.tolist() == [list(each.outcome.pieces["test"].nats) for each in LEFT]
    assert found.units.tolist() == list(UNITS)


@pytest.mark.parametrize(
    "other",
    [made([]), made([81.0, 690.0, 160.5], UNITS[:3]), made(LEFT[0].outcome.pieces["test"].nats, data="gh")],
    ids=["none", "other units", "other data"],
)
def test_where_one_run_has_no_such_pieces_there_are_none(other):
    assert pieces_of([*LEFT, other]) is None
    assert difference_over_pieces(LEFT, [*RIGHT[:2], other]) is None


def test_no_run_has_no_pieces():
    assert pieces_of([]) is None
    assert difference_over_pieces([], []) is None


@pytest.mark.parametrize(("metric", "from_nats"), [("nll", None), ("perplexity", np.exp)])
def test_the_difference_is_in_the_tasks_metric(metric, from_nats):
    sides = [[made(each.outcome.pieces["test"].nats, metric=metric) for each in side] for side in (LEFT, RIGHT)]
    found = difference_over_pieces(*sides, confidence=0.9)
    nats = [pieces_of(side).nats for side in sides]
    expected = crossed_difference(*nats, np.array(UNITS, dtype=float), from_nats=from_nats, confidence=0.9)
    assert found is not None
    assert found.interval.low == pytest.approx(expected.interval.low)
    assert found.pieces.high == pytest.approx(expected.pieces.high)


def test_a_metric_that_is_no_function_of_nats_has_no_difference_over_pieces():
    assert difference_over_pieces(*([made(UNITS, metric="accuracy")] * 3 for _ in range(2))) is None


def test_runs_that_are_not_pairs_are_refused():
    with pytest.raises(ValueError, match="3 runs on the left and 2 on the right are not pairs"):
        difference_over_pieces(LEFT, RIGHT[:2])
