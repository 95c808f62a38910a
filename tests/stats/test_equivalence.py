"""Two one-sided tests call equivalent exactly what the narrow interval places within the margin."""

from __future__ import annotations

import numpy as np
import pytest

from bench.stats.equivalence import tost
from bench.stats.paired import paired_interval

SYMMETRIC = [-0.25, -0.15, -0.05, 0.05, 0.15, 0.25, 0.35]


def test_for_symmetric_differences_it_is_schuirmanns():
    # ttost_paired of statsmodels 0.15.0 gives 0.011086007175 for the upper edge, the larger of the two
    found = tost(SYMMETRIC, (-0.3, 0.3))
    assert found.p_value == pytest.approx(0.011086007175, rel=1e-9)
    assert found.is_equivalent


def test_it_is_equivalent_exactly_when_the_90_percent_interval_lies_within_the_margin():
    draw, n_equivalent = np.random.default_rng(1), 0
    for _ in range(300):
        differences = list(draw.exponential(size=8) - 1)
        found, interval = tost(differences, (-0.5, 0.8)), paired_interval(differences, confidence=0.9)
        assert found.interval == interval
        assert found.is_equivalent == (interval.low > -0.5 and interval.high < 0.8)
        n_equivalent += found.is_equivalent
    assert 20 < n_equivalent < 280


def test_a_wider_margin_has_a_smaller_p_value():
    p_values = [tost(SYMMETRIC, (-edge, edge)).p_value for edge in (0.1, 0.2, 0.4, 0.8)]
    assert p_values == sorted(p_values, reverse=True)
    assert p_values[0] > 0.05 > p_values[-1]


def test_equal_differences_within_the_margin_are_equivalent_and_at_its_edge_are_not():
    assert tost([0.1] * 6, (-0.2, 0.2)).is_equivalent
    assert not tost([0.2] * 6, (-0.2, 0.2)).is_equivalent


def test_a_margin_the_wrong_way_round_is_refused():
    with pytest.raises(ValueError, match="from its lower to its higher edge"):
        tost(SYMMETRIC, (0.1, -0.1))
