"""The planned number of seeds decides as often as it was planned to."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from bench.stats.power import MOST, n_for_difference, n_for_equivalence, power_of_difference, power_of_equivalence


@pytest.mark.parametrize(
    ("effect", "n", "power"),
    # TTestPower of statsmodels 0.15.0
    [(0.5, 10, 0.2931756065), (1.0, 10, 0.8030968566), (0.25, 50, 0.4103806418), (1.5, 6, 0.8325292798)],
)
def test_the_power_of_a_difference_is_the_published_one(effect, n, power):
    assert power_of_difference(effect, n) == pytest.approx(power, abs=1e-9)
    assert power_of_difference(-3 * effect, n, sd=3.0) == pytest.approx(power, abs=1e-9)


def test_without_an_effect_the_power_is_the_level():
    assert power_of_difference(0.0, 7) == pytest.approx(0.05)
    assert power_of_difference(0.0, 7, confidence=0.9) == pytest.approx(0.1)


def test_the_sample_size_of_a_difference_is_the_published_one():
    # TTestPower.solve_power: 198.15, 33.37, 9.94
    assert [n_for_difference(effect, sd=1.0) for effect in (0.2, 0.5, 1.0)] == [199, 34, 10]


def test_the_sample_size_is_the_smallest_of_that_power():
    n = n_for_equivalence(0.1, (-0.5, 0.5), sd=1.0)
    assert power_of_equivalence(0.1, (-0.5, 0.5), n - 1) < 0.8 <= power_of_equivalence(0.1, (-0.5, 0.5), n)


@pytest.mark.parametrize(
    ("effect", "margin", "n"), [(0.0, (-0.5, 0.5), 40), (0.25, (-1.0, 1.0), 12), (-0.2, (-0.5, 0.9), 30)]
)
def test_the_power_of_equivalence_is_that_of_simulated_tests(effect, margin, n):
    n_sets = 20_000
    samples = np.random.default_rng(1).normal(effect, 1, size=(n_sets, n))
    half = stats.t.ppf(0.95, n - 1) * samples.std(axis=1, ddof=1) / np.sqrt(n)
    hits = (samples.mean(axis=1) - half > margin[0]) & (samples.mean(axis=1) + half < margin[1])
    power = power_of_equivalence(effect, margin, n)
    assert 0.4 < power < 0.95
    assert stats.binom.ppf(1e-5, n_sets, power) <= hits.sum() <= stats.binom.ppf(1 - 1e-5, n_sets, power)


def test_a_margin_too_narrow_for_so_few_has_no_power():
    assert power_of_equivalence(0.0, (-0.1, 0.1), 6) == 0.0


def test_no_number_of_seeds_shows_what_is_not_there():
    assert n_for_difference(0.0, sd=1.0) is None
    assert n_for_equivalence(0.5, (-0.5, 0.5), sd=1.0) is None
    assert n_for_difference(1e-4, sd=1.0) is None
    assert (1e-4 * np.sqrt(MOST)) < 2.8, "an effect of 1e-4 takes more than the most"


def test_a_large_effect_or_no_spread_takes_the_fewest():
    assert n_for_difference(100.0, sd=1.0) == n_for_difference(1.0, sd=0.0) == 2
    assert n_for_equivalence(0.0, (-1.0, 1.0), sd=0.0) == 2


@pytest.mark.parametrize("n", [2, 6, 10, 100, 10_000])
@pytest.mark.parametrize("effect", [-50.0, -1.0, 0.1, 3.0, 50.0])
def test_the_power_is_a_probability_however_far_the_effect(effect, n):
    assert 0.05 <= power_of_difference(effect, n) <= 1
