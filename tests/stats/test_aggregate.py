"""Aggregates over tasks: exact where a hand can compute them, drawn again within tasks only."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.stats.aggregate import AGGREGATE, iqm, iqm_difference, iqm_interval, probability_of_improvement

SCORES = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 100.0]]


def test_the_interquartile_mean_is_that_of_the_middle_half_of_all_runs():
    assert iqm(SCORES) == (3.0 + 4.0 + 5.0 + 6.0) / 4


def test_one_outlier_moves_nothing():
    assert iqm([[*SCORES[0]], [5.0, 6.0, 7.0, 1e9]]) == iqm(SCORES)


def test_tasks_without_spread_have_no_spread_between_them():
    found = iqm_interval([[1.0] * 5, [9.0] * 5], seed=1)
    assert (found.low, found.mean, found.high) == (5.0, 5.0, 5.0)
    assert (found.n, found.kind) == (5, AGGREGATE)


def test_what_both_cells_of_a_seed_share_leaves_the_difference_alone():
    common = np.random.default_rng(1).normal(size=(3, 6)) * 10
    left, right = [list(task + 0.5) for task in common], [list(task) for task in common]
    found = iqm_difference(left, right, seed=1)
    assert (found.low, found.high) == (pytest.approx(0.5), pytest.approx(0.5))


def test_the_probability_of_improvement_counts_all_pairs_of_runs_and_half_of_the_ties():
    # task one: 3 beats all of (1, 2), 2 beats 1 and ties 2; task two: never
    found = probability_of_improvement([[3.0, 2.0], [0.0, 0.0]], [[1.0, 2.0], [5.0, 6.0]], seed=1)
    assert found.mean == (3.5 / 4 + 0) / 2


def test_swapping_the_sides_gives_the_complement():
    draw = np.random.default_rng(2)
    left, right = ([list(task) for task in draw.normal(size=(3, 7))] for _ in range(2))
    there, back = (probability_of_improvement(*sides, seed=1) for sides in ((left, right), (right, left)))
    assert back.mean == pytest.approx(1 - there.mean)
    assert back.low == pytest.approx(1 - there.high)


def test_tasks_may_have_unequal_numbers_of_seeds_and_n_is_the_fewest():
    found = iqm_interval([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0, 4.0, 5.0]], seed=1)
    assert found.n == 3
    assert found.low < found.mean < found.high


def test_the_same_seed_gives_the_same_interval():
    assert iqm_interval(SCORES, seed=3) == iqm_interval(SCORES, seed=3)
    assert iqm_interval(SCORES, seed=3) != iqm_interval([[*SCORES[0]], [5.0, 6.0, 8.0, 9.0]], seed=3)


@pytest.mark.parametrize("scores", [[], [[1.0]], [[1.0, 2.0], [1.0]]])
def test_too_few_scores_are_refused(scores):
    with pytest.raises(ValueError, match="two seeds or more"):
        iqm_interval(scores, seed=1)


def test_scores_that_are_not_finite_or_not_paired_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        iqm_interval([[1.0, math.nan]], seed=1)
    with pytest.raises(ValueError, match="the same seeds of the same tasks"):
        iqm_difference([[1.0, 2.0]], [[1.0, 2.0, 3.0]], seed=1)
    with pytest.raises(ValueError, match="the same seeds of the same tasks"):
        probability_of_improvement([[1.0, 2.0]], [[1.0, 2.0], [3.0, 4.0]], seed=1)
