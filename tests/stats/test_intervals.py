"""The interval of a mean: exact where a hand can compute it, and as often right as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.core.interval import ENOUGH
from bench.stats.intervals import BOOTSTRAP, expanded, mean_interval, next_value


def test_one_value_has_a_mean_and_no_interval():
    interval = mean_interval([3.0], seed=1)
    assert (interval.mean, interval.n) == (3.0, 1)
    assert math.isnan(interval.low)
    assert math.isnan(interval.high)
    assert interval.kind == "none: one value"


def test_no_values_have_no_mean():
    interval = mean_interval([], seed=1)
    assert interval.n == 0
    assert math.isnan(interval.mean)


def test_two_values_span_their_own_interval():
    interval = mean_interval([1.0, 3.0], seed=1)
    assert (interval.mean, interval.low, interval.high, interval.n) == (2.0, 1.0, 3.0, 2)
    assert interval.kind == BOOTSTRAP


def test_equal_values_give_an_interval_of_no_width_that_says_so():
    interval = mean_interval([2.5, 2.5, 2.5], seed=1)
    assert (interval.low, interval.mean, interval.high) == (2.5, 2.5, 2.5)
    assert interval.kind == "none: all values are equal"


@pytest.mark.parametrize("n", [1, 2, ENOUGH - 1, ENOUGH, 10])
def test_few_values_are_marked_as_too_narrow(n):
    interval = mean_interval([float(i) for i in range(n)], seed=1)
    assert interval.is_too_narrow == (2 <= n < ENOUGH)


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_the_same():
    values = [8.1, 8.4, 8.2, 8.9, 8.3, 8.5, 8.6, 8.0]
    assert mean_interval(values, seed=7) == mean_interval(values, seed=7)
    assert mean_interval(values, seed=7) != mean_interval(values, seed=8)
    assert mean_interval(values, seed=7).low == pytest.approx(mean_interval(values, seed=8).low, abs=0.02)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        mean_interval([1.0, value], seed=1)


def test_the_expanded_tails_are_the_published_ones():
    # Phi(-sqrt(10 / 9) * 2.262157) = 0.008549 for n = 10, by tables of t and of the normal distribution
    assert (1 - expanded(0.95, 10)) / 2 == pytest.approx(0.008549, abs=2e-6)
    assert expanded(0.95, 10_000) == pytest.approx(0.95, abs=1e-3)


def test_for_many_values_the_interval_is_the_normal_one():
    values = np.random.default_rng(3).normal(5.0, 2.0, 400)
    interval = mean_interval([float(value) for value in values], seed=1)
    half_width = 1.96 * values.std(ddof=1) / math.sqrt(400)
    assert interval.high - interval.mean == pytest.approx(half_width, rel=0.1)
    assert interval.mean - interval.low == pytest.approx(half_width, rel=0.1)


def _hits(n: int, n_sets: int) -> int:
    rng = np.random.default_rng(n)
    intervals = [mean_interval([float(x) for x in rng.normal(size=n)], seed=i) for i in range(n_sets)]
    return sum(interval.low <= 0 <= interval.high for interval in intervals)


def test_at_ten_seeds_it_covers_the_mean_as_often_as_it_says():
    # a coverage of 95 % gives fewer than 361 of 400 hits once in 40,000 tries
    assert stats.binom.cdf(360, 400, 0.95) < 2.6e-4
    assert _hits(10, 400) > 360


def test_at_three_seeds_it_covers_the_mean_far_less_often_than_it_says():
    # the docstring says 74 %: the mean lies within the range of three values in 75 % of all sets
    assert 0.66 * 200 < _hits(3, 200) < 0.82 * 200


def test_one_further_value_falls_into_its_interval_as_often_as_said():
    rng = np.random.default_rng(7)
    sets = rng.normal(size=(2000, 11))
    inside = [low <= values[-1] <= high for values in sets for low, high in [next_value([*values[:-1]])]]
    # 95 % of 2,000 gives fewer than 1,860 once in 20,000 tries, and more than 1,938 as seldom
    assert stats.binom.cdf(1859, 2000, 0.95) < 1e-4
    assert 1860 <= sum(inside) <= 1938


def test_one_further_value_after_one_has_no_interval():
    with pytest.raises(ValueError, match="no interval after 1"):
        next_value([1.0])
