"""The ratio of paired rounds: exact where a hand can compute it, and inverse when the sides are swapped."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.ratio import RATIO, median_of_ratios, ratio_of_medians, share_closed

LEFT, RIGHT = [2.0, 4.0, 9.0], [1.0, 2.0, 8.0]


def test_worked_examples():
    ratio, of_ratios = ratio_of_medians(LEFT, RIGHT, seed=1), median_of_ratios(LEFT, RIGHT, seed=1)
    assert (ratio.mean, ratio.n, ratio.kind) == (2.0, 3, RATIO)
    assert of_ratios.mean == 2.0
    assert (of_ratios.low, of_ratios.high) == (9 / 8, 2.0)


@pytest.mark.parametrize("of", [ratio_of_medians, median_of_ratios])
def test_swapping_the_sides_inverts_the_ratio(of):
    draw = np.random.default_rng(1)
    left, right = list(draw.lognormal(size=11)), list(draw.lognormal(size=11))
    there, back = of(left, right, seed=3), of(right, left, seed=3)
    assert back.mean == pytest.approx(1 / there.mean)
    assert back.low == pytest.approx(1 / there.high, rel=0.01)  # quantiles between two resamples do not invert


def test_what_slows_whole_rounds_down_cancels_in_the_median_of_ratios():
    draw = np.random.default_rng(2)
    left, right, slow = draw.lognormal(size=10), draw.lognormal(size=10), draw.lognormal(0, 2, size=10)
    calm = median_of_ratios(list(left), list(right), seed=1)
    slowed = median_of_ratios(list(left * slow), list(right * slow), seed=1)
    assert (slowed.low, slowed.high) == (pytest.approx(calm.low), pytest.approx(calm.high))


def test_the_same_seed_gives_the_same_interval():
    values = [1.0, 1.1, 1.3, 0.9, 1.6, 1.2]
    assert ratio_of_medians(values, values[::-1], seed=4) == ratio_of_medians(values, values[::-1], seed=4)


@pytest.mark.parametrize("of", [ratio_of_medians, median_of_ratios])
def test_too_few_rounds_have_no_interval(of):
    assert of([], [], seed=1).kind == "none: no values"
    one = of([3.0], [2.0], seed=1)
    assert one.mean == 1.5
    assert math.isnan(one.low)


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ([1.0, 2.0], [1.0], "not pairs"),
        ([1.0, 0.0], [1.0, 1.0], "positive"),
        ([1.0, 1.0], [1.0, 0.0], "positive"),
        ([1.0, math.nan], [1.0, 1.0], "positive"),
        ([1.0, 1.0], [1.0, math.inf], "positive"),
    ],
)
def test_what_has_no_ratio_is_refused(left, right, message):
    with pytest.raises(ValueError, match=message):
        ratio_of_medians(left, right, seed=1)


def test_the_share_of_a_gap_that_is_closed_is_one_less_what_is_left_of_it():
    found = share_closed([1.0, 1.1, 0.9, 1.0, 1.05, 0.95], [0.2, 0.25, 0.15, 0.2, 0.22, 0.18])
    assert found.mean == pytest.approx(0.8)
    assert 0.7 < found.low < 0.8 < found.high < 0.9


def test_a_gap_that_is_not_told_from_zero_has_no_share_that_is_closed():
    found = share_closed([1.0, -1.0, 0.5, -0.4, 0.2], [0.1, 0.0, 0.1, 0.0, 0.1])
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_the_share_that_is_closed_is_covered():
    draw, n_sets, hits = np.random.default_rng(0), 1000, 0
    for _ in range(n_sets):
        shared = draw.normal(0, 0.3, 10)
        gap, rest = 1 + shared + draw.normal(0, 0.2, 10), 0.4 + shared + draw.normal(0, 0.2, 10)
        found = share_closed(list(gap), list(rest))
        hits += found.low <= 0.6 <= found.high
    assert 0.93 <= hits / n_sets <= 0.97
