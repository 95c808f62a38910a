"""Adjusted p-values keep the chance of one false finding among many at the level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats.families import bonferroni, holm

P_VALUES = [0.01, 0.04, 0.03, 0.005, 0.5]


def test_worked_examples_in_their_own_order():
    # multipletests of statsmodels 0.15.0
    assert holm(P_VALUES) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.5])
    assert bonferroni(P_VALUES) == pytest.approx([0.05, 0.2, 0.15, 0.025, 1.0])


def test_holm_never_exceeds_bonferroni_nor_falls_below_the_p_value():
    for p in np.random.default_rng(1).beta(0.3, 1, size=(200, 8)):
        assert all(p <= np.array(holm(list(p))) + 1e-15)
        assert all(np.array(holm(list(p))) <= np.array(bonferroni(list(p))))


@pytest.mark.parametrize("adjust", [holm, bonferroni])
def test_with_no_effect_anywhere_one_family_in_twenty_has_a_finding(adjust):
    n_families = 4000
    families = np.random.default_rng(2).uniform(size=(n_families, 4))
    n_wrong = sum(min(adjust(list(family))) < 0.05 for family in families)
    # 1 - (1 - 0.05 / 4)^4 = 4.9 % for independent tests
    assert stats.binom.ppf(1e-5, n_families, 0.049) <= n_wrong <= stats.binom.ppf(1 - 1e-5, n_families, 0.05)


def test_no_p_values_stay_none_and_what_is_no_p_value_is_refused():
    assert holm([]) == bonferroni([]) == []
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([0.5, 1.5])
    with pytest.raises(ValueError, match="between 0 and 1"):
        bonferroni([float("nan")])
