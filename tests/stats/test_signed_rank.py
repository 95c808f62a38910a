"""The signed-rank test is exact, with ties too, and gives no p-value to too few pairs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from bench.stats.signed_rank import signed_rank


def by_hand(differences: list[float]) -> float:
    """Return the two-sided p-value over every choice of signs."""
    ranks = stats.rankdata(np.abs(differences))
    observed = ranks[np.array(differences) > 0].sum()
    sums = np.array([ranks @ signs for signs in product([0, 1], repeat=len(ranks))])
    return min(1.0, 2 * min((sums <= observed).mean(), (sums >= observed).mean()))


@pytest.mark.parametrize("n", [6, 9, 13])
def test_without_ties_it_is_scipys_exact_test(n):
    draw = np.random.default_rng(n)
    for _ in range(20):
        differences = list(draw.normal(0.5, 1, n))
        assert signed_rank(differences).p_value == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue)


@pytest.mark.parametrize(
    "differences", [[1.0, 1.0, 2.0, -1.0, 3.0, 2.0], [1.0] * 7, [0.5, -0.5, 0.5, 2, 2, -3, 4, 0.5]]
)
def test_with_ties_it_counts_every_choice_of_signs(differences):
    found = signed_rank([float(value) for value in differences])
    assert found.p_value == pytest.approx(by_hand(differences))


@pytest.mark.parametrize("n", [6, 8, 10, 30])
def test_differences_of_one_sign_reach_the_smallest_p_value(n):
    found = signed_rank([float(i) for i in range(1, n + 1)])
    assert found.p_value == found.smallest_p == 2 / 2**n


def test_below_six_pairs_there_is_no_p_value():
    found = signed_rank([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (found.p_value, found.smallest_p, found.n, found.rank_sum) == (None, None, 5, 15.0)


def test_zeros_are_left_out_and_counted():
    found = signed_rank([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.0])
    assert (found.n, found.n_zero, found.p_value) == (6, 2, 2 / 2**6)
    assert signed_rank([0.0] * 10).p_value is None


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="no ranks"):
        signed_rank([float("nan")] * 6)
