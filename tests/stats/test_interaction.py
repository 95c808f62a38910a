"""Interactions are contrasts of one seed, whatever all its runs have in common."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.interaction import difference_of_differences, slope_over_fractions, slopes_per_row
from bench.stats.paired import paired_interval

FRACTIONS = [0.1, 0.2, 0.4, 0.8]


def test_a_slope_is_the_growth_per_doubling_of_the_data():
    levels = np.array([3.0, -1.0, 0.5])[:, None]
    slopes = np.array([0.25, 0.5, 0.75])[:, None]
    differences = levels + slopes * np.log2(FRACTIONS)
    assert slope_over_fractions(differences, FRACTIONS).mean == pytest.approx(0.5)
    assert slope_over_fractions(differences, FRACTIONS).low == pytest.approx(paired_interval([0.25, 0.5, 0.75]).low)


def test_what_a_seed_adds_at_every_fraction_does_not_touch_the_slope():
    draw = np.random.default_rng(1)
    differences = draw.normal(size=(8, 4))
    moved = differences + 100 * draw.normal(size=(8, 1))
    found, after = slope_over_fractions(differences, FRACTIONS), slope_over_fractions(moved, FRACTIONS)
    assert (after.low, after.high) == (pytest.approx(found.low), pytest.approx(found.high))


def test_rows_have_the_slopes_of_least_squares():
    rows, x = np.random.default_rng(2).normal(size=(5, 6)), np.arange(6.0) ** 2
    assert slopes_per_row(rows, x) == pytest.approx(np.polyfit(x, rows.T, 1)[0])


def test_a_difference_of_differences_by_hand():
    found = difference_of_differences(np.array([[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]))
    assert found == paired_interval([1.0, 2.0, 3.0])


@pytest.mark.parametrize("fractions", [[0.5, 0.0], [0.5, math.nan]])
def test_a_fraction_without_a_logarithm_is_refused(fractions):
    with pytest.raises(ValueError, match="positive"):
        slope_over_fractions(np.ones((6, 2)), fractions)


def test_a_row_has_one_value_at_each_place():
    with pytest.raises(ValueError, match="rows of 3 values have no slope over 2 places"):
        slope_over_fractions(np.ones((6, 3)), [0.5, 1.0])


def test_one_place_has_no_slope_and_one_difference_no_contrast():
    with pytest.raises(ValueError, match="two different places"):
        slope_over_fractions(np.ones((6, 2)), [0.5, 0.5])
    with pytest.raises(ValueError, match=r"one with it, got shape \(6, 1\)"):
        difference_of_differences(np.ones((6, 1)))
