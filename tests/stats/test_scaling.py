"""The exponent of a cost is the slope of its logarithm."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.paired import paired_interval
from bench.stats.scaling import LEAST_SQUARES, exponent, exponent_over_rounds

SIZES = [64.0, 128.0, 256.0, 512.0]


def test_a_power_law_has_its_exponent_and_no_width():
    found = exponent(SIZES, [3 * size**1.5 for size in SIZES])
    assert (found.mean, found.n, found.kind) == (pytest.approx(1.5), 4, LEAST_SQUARES)
    assert found.high - found.low == pytest.approx(0, abs=1e-6)


def test_the_interval_is_the_one_of_the_textbook():
    costs = [1.0, 2.1, 3.9, 8.5]
    x, y = np.log(SIZES), np.log(costs)
    slope, level = np.polyfit(x, y, 1)
    spread = math.sqrt(((y - level - slope * x) ** 2).sum() / 2 / ((x - x.mean()) ** 2).sum())
    found = exponent(SIZES, costs)
    assert found.mean == pytest.approx(slope)
    assert found.high - found.mean == pytest.approx(stats.t.ppf(0.975, 2) * spread)


def test_rounds_have_one_exponent_each():
    costs = np.array([[size**e for size in SIZES] for e in (0.9, 1.0, 1.4)])
    found, expected = exponent_over_rounds(SIZES, costs), paired_interval([0.9, 1.0, 1.4])
    assert (found.mean, found.low, found.n) == (pytest.approx(expected.mean), pytest.approx(expected.low), 3)


def test_two_points_have_a_slope_and_no_interval():
    found = exponent([1.0, 2.0], [1.0, 4.0])
    assert found.mean == pytest.approx(2.0)
    assert math.isnan(found.low)


@pytest.mark.parametrize("cost", [0.0, -1.0, math.nan, math.inf])
def test_a_cost_without_a_logarithm_is_refused(cost):
    with pytest.raises(ValueError, match="positive"):
        exponent(SIZES, [1.0, 2.0, 3.0, cost])
    with pytest.raises(ValueError, match="positive"):
        exponent_over_rounds(SIZES, np.array([[1.0, 2.0, 3.0, cost]]))


def test_sizes_that_are_all_the_same_are_refused():
    with pytest.raises(ValueError, match="two different places"):
        exponent_over_rounds([2.0, 2.0], np.ones((3, 2)))
    with pytest.raises(ValueError, match="two different places"):
        exponent([2.0, 2.0, 2.0], [1.0, 2.0, 3.0])
