"""Times to a threshold: runs that never reach it count for as long as they were watched."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.paired import paired_interval
from bench.stats.survival import (
    Times,
    log_rank_p_value,
    median_time,
    pseudo_values,
    restricted_mean,
    restricted_mean_difference,
)

LOST = Times((1.0, 2.0, 3.0, 4.0), (True, False, True, False))
NEVER = Times((5.0, 5.0), (False, False))


def test_where_no_run_is_lost_the_restricted_mean_is_that_of_the_lesser_of_time_and_horizon():
    times = Times((1.0, 2.5, 4.0, 9.0, 10.0), (True, True, True, True, False))
    assert restricted_mean(times, 6.0) == pytest.approx((1.0 + 2.5 + 4.0 + 6.0 + 6.0) / 5)
    assert pseudo_values(times, 6.0) == pytest.approx([1.0, 2.5, 4.0, 6.0, 6.0])


def test_a_run_lost_before_the_horizon_lends_its_weight_to_those_watched_longer():
    # the curve is 1 until 1, 3/4 until 3, and half of that until 4
    assert restricted_mean(LOST, 4.0) == pytest.approx(1 + 2 * 3 / 4 + 3 / 8)
    assert median_time(LOST) == 3.0


def test_pairs_without_losses_are_compared_as_scores_are():
    draw = np.random.default_rng(1)
    left, right = draw.exponential(size=8), draw.exponential(2, size=8)
    sides = [Times(tuple(np.minimum(side, 3).tolist()), tuple((side <= 3).tolist())) for side in (left, right)]
    found = restricted_mean_difference(*sides, 3.0)
    expected = paired_interval(list(np.minimum(left, 3) - np.minimum(right, 3)))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_runs_that_never_get_there_take_the_whole_horizon_and_have_no_median():
    assert restricted_mean(NEVER, 5.0) == 5.0
    assert median_time(NEVER) == math.inf
    assert log_rank_p_value(NEVER, NEVER) == 1.0


@pytest.mark.parametrize("n", [2, 6, 10, 22])
def test_when_just_half_have_arrived_that_is_the_median(n):
    times = Times(tuple(float(i) for i in range(1, n + 1)), tuple(i <= n // 2 for i in range(1, n + 1)))
    assert median_time(times) == n // 2


def test_the_log_rank_test_tells_fast_from_slow_and_not_equal_from_equal():
    fast = Times(tuple(float(i) for i in range(1, 11)), (True,) * 10)
    slow = Times((12.0,) * 10, (False,) * 10)
    assert log_rank_p_value(fast, slow) < 1e-4
    assert log_rank_p_value(fast, fast) == pytest.approx(1.0)


def test_the_log_rank_test_is_wrong_about_as_often_as_it_says():
    draw, n_sets, n_wrong = np.random.default_rng(2), 1000, 0
    for _ in range(n_sets):
        times = draw.exponential(size=(2, 10))
        left, right = (Times(tuple(np.minimum(row, 2).tolist()), tuple((row <= 2).tolist())) for row in times)
        n_wrong += log_rank_p_value(left, right) < 0.05
    assert n_wrong <= stats.binom.ppf(1 - 1e-5, n_sets, 0.065)  # its normal approximation is rough at ten a side


def test_a_mean_beyond_what_was_watched_is_refused():
    with pytest.raises(ValueError, match="no run was watched until 6; the longest was until 4"):
        restricted_mean(LOST, 6.0)
    assert restricted_mean(Times((1.0, 2.0), (False, True)), 6.0) == 2.0


@pytest.mark.parametrize(
    ("durations", "is_reached"), [((), ()), ((1.0,), (True, False)), ((0.0,), (True,)), ((math.inf,), (False,))]
)
def test_times_that_make_no_sense_are_refused(durations, is_reached):
    with pytest.raises(ValueError, match="durations"):
        Times(durations, is_reached)


def test_unequal_numbers_of_runs_are_no_pairs():
    with pytest.raises(ValueError, match="4 runs on the left and 2 on the right"):
        restricted_mean_difference(LOST, NEVER, 4.0)
