"""Variants are told from the baseline by Welch's test, corrected for how many there are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats.variants import against_baseline, welch_p_value


def test_p_values_are_scipys_times_the_number_of_variants():
    draw = np.random.default_rng(1)
    baseline = list(draw.normal(8.5, 0.1, 20))
    variants = {name: list(draw.normal(mean, 0.2, 15)) for name, mean in (("a", 8.6), ("b", 8.5), ("c", 9.0))}
    found = against_baseline(baseline, variants)
    assert list(found) == ["a", "b", "c"]
    for name, values in variants.items():
        p = stats.ttest_ind(values, baseline, equal_var=False).pvalue
        assert found[name].p_value == pytest.approx(min(1.0, 3 * p))
        assert found[name].difference.mean == pytest.approx(np.mean(values) - np.mean(baseline))


def test_the_interval_leaves_out_zero_exactly_when_the_corrected_p_value_is_below_5_percent():
    draw, n_apart = np.random.default_rng(2), 0
    for _ in range(200):
        variants = {str(i): list(draw.normal(0.8, 1, 12)) for i in range(4)}
        for found in against_baseline(list(draw.normal(0, 1, 12)), variants).values():
            is_apart = not found.difference.low <= 0 <= found.difference.high
            assert is_apart == (found.p_value < 0.05)
            n_apart += is_apart
    assert 80 < n_apart < 720


def test_no_variants_give_no_tests():
    assert against_baseline([1.0, 2.0], {}) == {}


@pytest.mark.parametrize(("left", "right"), [([1.0], [1.0, 2.0]), ([1.0, 1.0], [2.0, 2.0])])
def test_values_without_spread_have_no_test(left, right):
    with pytest.raises(ValueError, match="two values or more on each side"):
        welch_p_value(left, right)
