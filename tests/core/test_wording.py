"""Means with their intervals as they are read."""

from __future__ import annotations

import math

import pytest

from bench.core.interval import Interval
from bench.core.wording import NO_BREAK, digits_of, estimated, number, rounded


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


def test_what_is_exported_has_ten_significant_digits_wherever_it_lies():
    row = {"mean": -832.7999999999963, "pair": (1 / 3, 2e-9 / 3), "n": 12_345_678_901, "is_done": True, "name": "1.0"}
    assert rounded([row]) == [{**row, "mean": -832.8, "pair": [0.3333333333, 6.666666667e-10]}]
    assert rounded(-832.7999999999963) == rounded(-832.7999999999975)


def test_a_number_that_ends_in_a_five_is_read_the_same_whatever_its_last_bit():
    assert {number(value, 2) for value in (0.125, math.nextafter(0.125, 0), math.nextafter(0.125, 1))} == {"0.12"}
