"""Means with their intervals as they are read."""

from __future__ import annotations

import math

import pytest

from bench.report.wording import NO_BREAK, digits_of, estimated
from bench.stats.intervals import Interval


@pytest.mark.parametrize(
    ("mean", "low", "high", "expected"),
    [
        (694.0, 694.0, 694.0, "694"),
        (0.75, 0.75, 0.75, "0.750"),
        (0.0, 0.0, 0.0, "0"),
        (-0.1234, -0.25, 0.01, f"−0.12 [−0.25,{NO_BREAK}0.01]"),
        (1191.0, 947.0, 1398.0, f"1,191 [947,{NO_BREAK}1,398]"),
        (3.0, math.nan, math.nan, "3.000"),
    ],
    ids=["a count", "a ratio of counts", "nought", "a difference", "updates", "one value"],
)
def test_a_mean_has_as_many_digits_as_its_interval_tells(mean, low, high, expected):
    assert estimated(Interval(mean, low, high, 6, "made up")) == expected


def test_several_are_counts_when_all_are():
    counts, doubtful = Interval(-100.0, -100.0, -100.0, 6, "made up"), Interval(3.0, 2.0, 4.5, 6, "made up")
    assert digits_of([counts, counts]) == 0
    assert digits_of([counts, doubtful]) == 1
