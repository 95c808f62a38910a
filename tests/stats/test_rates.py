"""Solve rates: Fisher's test, and an interval that says the same."""

from __future__ import annotations

import math
from itertools import product

import pytest
from scipy import stats

from bench.stats.rates import solve_rates


def test_the_lady_tasting_tea():
    found = solve_rates((3, 4), (1, 4))
    assert found.p_value == pytest.approx(34 / 70)
    assert (found.left, found.right) == (0.75, 0.25)


@pytest.mark.parametrize("n", [4, 7, 10])
def test_for_equal_numbers_of_runs_it_is_the_usual_two_sided_test(n):
    for left, right in product(range(n + 1), repeat=2):
        usual = stats.fisher_exact([[left, n - left], [right, n - right]]).pvalue
        assert solve_rates((left, n), (right, n)).p_value == pytest.approx(usual)


@pytest.mark.parametrize(("n_left", "n_right"), [(10, 10), (6, 13)])
def test_the_interval_leaves_out_1_exactly_when_the_p_value_is_below_5_percent(n_left, n_right):
    apart = []
    for left, right in product(range(n_left + 1), range(n_right + 1)):
        found = solve_rates((left, n_left), (right, n_right))
        apart.append(found.p_value < 0.05)
        assert apart[-1] == (not found.odds_ratio.low <= 1 <= found.odds_ratio.high)
    assert 0 < sum(apart) < len(apart)


def test_all_against_none_is_an_infinite_ratio_with_a_finite_bound():
    found = solve_rates((10, 10), (0, 10))
    assert (found.odds_ratio.mean, found.odds_ratio.high) == (math.inf, math.inf)
    assert found.odds_ratio.low > 10
    assert found.p_value == pytest.approx(2 / math.comb(20, 10))


@pytest.mark.parametrize("solved", [0, 10])
def test_where_all_or_none_solved_on_both_sides_nothing_is_told_apart(solved):
    found = solve_rates((solved, 10), (solved, 10))
    assert (found.odds_ratio.low, found.odds_ratio.high, found.p_value) == (0.0, math.inf, 1.0)


@pytest.mark.parametrize("side", [(-1, 5), (6, 5), (0, 0)])
def test_counts_that_cannot_be_are_refused(side):
    with pytest.raises(ValueError, match="cannot have solved"):
        solve_rates(side, (1, 5))
