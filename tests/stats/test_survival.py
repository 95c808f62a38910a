"""Times to a threshold: runs that never reach it count for as long as they were watched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.paired import paired_interval
from bench.stats.survival import Times, pseudo_values, restricted_mean, restricted_mean_difference

LOST = Times((1.0, 2.0, 3.0, 4.0), (True, False, True, False))
NEVER = Times((5.0, 5.0), (False, False))


def test_where_no_run_is_lost_the_restricted_mean_is_that_of_the_lesser_of_time_and_horizon():
    times = Times((1.0, 2.5, 4.0, 9.0, 10.0), (True, True, True, True, False))
    assert restricted_mean(times, 6.0) == pytest.approx((1.0 + 2.5 + 4.0 + 6.0 + 6.0) / 5)
    assert pseudo_values(times, 6.0) == pytest.approx([1.0, 2.5, 4.0, 6.0, 6.0])


def test_a_run_lost_before_the_horizon_lends_its_weight_to_those_watched_longer():
    # the curve is 1 until 1, 3/4 until 3, and half of that until 4
    assert restricted_mean(LOST, 4.0) == pytest.approx(1 + 2 * 3 / 4 + 3 / 8)


def test_pairs_without_losses_are_compared_as_scores_are():
    draw = np.random.default_rng(1)
    left, right = draw.exponential(size=8), draw.exponential(2, size=8)
    sides = [Times(tuple(np.minimum(side, 3).tolist()), tuple((side <= 3).tolist())) for side in (left, right)]
    found = restricted_mean_difference(*sides, 3.0)
    expected = paired_interval(list(np.minimum(left, 3) - np.minimum(right, 3)))
    assert (found.low, found.high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_runs_that_never_get_there_take_the_whole_horizon():
    assert restricted_mean(NEVER, 5.0) == 5.0


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
