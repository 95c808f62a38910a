"""The interval of a paired difference leaves out what two tests reject, and its p-value says the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.paired import PAIRED, bounds, paired_difference, paired_interval, paired_p_value

SYMMETRIC = [-0.25, -0.15, -0.05, 0.05, 0.15, 0.25, 0.35]
SKEWED = [0.1, 0.2, 0.2, 0.3, 0.4, 0.5, 0.9, 3.0]


def test_for_symmetric_differences_it_is_the_t_interval():
    interval, exact = paired_interval(SYMMETRIC), stats.ttest_1samp(SYMMETRIC, 0)
    bounds_of_t = exact.confidence_interval(0.95)
    assert (interval.mean, interval.n, interval.kind) == (pytest.approx(0.05), 7, PAIRED)
    assert (interval.low, interval.high) == (pytest.approx(bounds_of_t.low), pytest.approx(bounds_of_t.high))
    assert paired_p_value(SYMMETRIC) == pytest.approx(exact.pvalue)


def test_skewness_moves_the_bound_on_the_long_side_out_to_where_halls_transformation_has_it():
    interval, sample = paired_interval(SKEWED), np.array(SKEWED)
    error, t = sample.std(ddof=1) / math.sqrt(8), stats.t.ppf(0.975, 7)
    assert interval.low == pytest.approx(sample.mean() - t * error)
    at_bound, skew = (sample.mean() - interval.high) / error, stats.skew(sample) / math.sqrt(8)
    transformed = at_bound + skew * (at_bound**2 / 3 + 1 / 6) + skew**2 * at_bound**3 / 27
    assert transformed == pytest.approx(-t)
    assert interval.high > sample.mean() + t * error


def test_it_turns_round_with_the_signs():
    interval, mirrored = paired_interval(SKEWED), paired_interval([-value for value in SKEWED])
    assert (mirrored.low, mirrored.high) == (pytest.approx(-interval.high), pytest.approx(-interval.low))


def test_it_holds_students_interval_whatever_the_values():
    samples = np.random.default_rng(1).standard_t(2, size=(2000, 6)) ** 3
    low, high = bounds(samples, confidence=0.95)
    half = stats.t.ppf(0.975, 5) * samples.std(axis=1, ddof=1) / math.sqrt(6)
    room = 1e-9 * samples.std(axis=1)
    assert (low <= samples.mean(axis=1) - half + room).all()
    assert (high >= samples.mean(axis=1) + half - room).all()


@pytest.mark.parametrize("confidence", [0.8, 0.9, 0.95, 0.99])
def test_the_p_value_is_below_the_level_exactly_when_the_interval_leaves_the_null_out(confidence):
    draw, n_apart = np.random.default_rng(2), 0
    for _ in range(300):
        differences = list(draw.lognormal(size=7) - draw.uniform(1, 3))
        interval = paired_interval(differences, confidence=confidence)
        is_apart = not interval.low <= 0 <= interval.high
        assert (paired_p_value(differences) < 1 - confidence) == is_apart
        n_apart += is_apart
    assert 30 < n_apart < 270


def test_at_a_bound_the_p_value_is_the_level():
    interval = paired_interval(SKEWED)
    assert paired_p_value(SKEWED, null=interval.low) == pytest.approx(0.05)
    assert paired_p_value(SKEWED, null=interval.high) == pytest.approx(0.05)
    assert paired_p_value(SKEWED, null=interval.low, alternative="greater") == pytest.approx(0.025)
    assert paired_p_value(SKEWED, null=interval.high, alternative="less") == pytest.approx(0.025)


def test_many_sets_at_once_have_the_bounds_that_each_has_alone():
    samples = np.random.default_rng(3).exponential(size=(5, 10))
    low, high = bounds(samples, confidence=0.9)
    alone = [paired_interval(list(sample), confidence=0.9) for sample in samples]
    assert [interval.low for interval in alone] == list(low)
    assert [interval.high for interval in alone] == list(high)


def test_nearly_symmetric_differences_have_nearly_the_bounds_of_symmetric_ones():
    samples = np.array(SYMMETRIC) + np.array([[0], [1e-13], [1e-9], [1e-7], [1e-5]]) * np.array([0, 0, 0, 0, 0, 0, 1])
    low, high = bounds(samples, confidence=0.95)
    assert np.allclose(low, low[0], atol=1e-5)
    assert np.allclose(high, high[0], atol=2e-5)


def test_pairs_are_subtracted_seed_by_seed():
    assert paired_difference([3.0, 5.0, 9.0], [1.0, 4.0, 4.0]) == paired_interval([2.0, 1.0, 5.0])
    with pytest.raises(ValueError, match="2 values on the left and 1 on the right"):
        paired_difference([1.0, 2.0], [1.0])


@pytest.mark.parametrize(("values", "kind"), [([], "none: no values"), ([1.0], "none: one value")])
def test_too_few_differences_have_no_interval_and_no_test(values, kind):
    interval = paired_interval(values)
    assert math.isnan(interval.low)
    assert interval.kind == kind
    with pytest.raises(ValueError, match="two values"):
        paired_p_value(values)


def test_equal_differences_have_an_interval_of_no_width_and_the_p_value_that_belongs_to_it():
    interval = paired_interval([0.5] * 6)
    assert (interval.low, interval.high, interval.kind) == (0.5, 0.5, "none: all values are equal")
    assert paired_p_value([0.5] * 6) == 0.0
    assert paired_p_value([0.5] * 6, null=0.5) == 1.0
    assert paired_p_value([0.5] * 6, null=1.0, alternative="greater") == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="not finite"):
        paired_interval([1.0, value])
    with pytest.raises(ValueError, match="not finite"):
        paired_p_value([1.0, value])


def test_differences_that_rounding_alone_tells_apart_are_equal():
    left, right = [0.9 * i for i in range(1, 11)], [0.9 * i - 0.1 for i in range(1, 11)]
    found = paired_difference(left, right)
    assert found.low == found.high
    assert found.kind == "none: all values are equal"
