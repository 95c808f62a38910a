"""The interval of a difference of unpaired means covers, and says when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.unpaired import WELCH, welch_interval


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    draw, n_sets = np.random.default_rng(1), 2000
    n_covered = 0
    for _ in range(n_sets):
        interval = welch_interval(list(draw.normal(1.0, 3.0, 6)), list(draw.normal(0.0, 0.5, 9)))
        n_covered += interval.low <= 1.0 <= interval.high
    assert 0.935 < n_covered / n_sets < 0.965


def test_a_worked_example():
    interval = welch_interval([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0])
    first, second = (5 / 3) / 4, 4 / 3  # variance of each mean
    degrees = (first + second) ** 2 / (first**2 / 3 + second**2 / 2)
    half = stats.t.ppf(0.975, degrees) * math.sqrt(first + second)
    assert (interval.mean, interval.n, interval.kind) == (-1.5, 3, WELCH)
    assert (interval.low, interval.high) == (pytest.approx(-1.5 - half), pytest.approx(-1.5 + half))


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [([], [1.0], "none: no values"), ([1.0], [1.0, 2.0], "none: one value")],
)
def test_too_few_values_have_no_interval(left, right, kind):
    interval = welch_interval(left, right)
    assert math.isnan(interval.low)
    assert interval.kind == kind


def test_values_that_do_not_vary_have_their_difference_and_no_more():
    interval = welch_interval([2.0, 2.0], [1.0, 1.0])
    assert (interval.low, interval.mean, interval.high) == (1.0, 1.0, 1.0)


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        welch_interval([math.inf, 1.0], [1.0, 2.0])
