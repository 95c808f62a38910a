"""Cards err and intervals cover as often as they say, over simulated sets of ten paired differences.

Each bound is the one that a rate at its limit keeps in all but one of 100,000 draws of that many sets. The full
figures: `python -m tests.programs.calibration`.
"""

from __future__ import annotations

import pytest
from scipy import stats

from tests.programs.calibration import (
    MARGINS,
    METHODS,
    NOISES,
    count_outcomes,
    coverage,
    false_directions,
    false_likeness,
    samples_of,
)
from tests.programs.calibration_of_others import OTHERS, hits

N_SETS = 4000
SYMMETRIC = ("normal", "t, 3 df", "two lognormal runs")
"""Where both cells have the same noise, their differences are symmetric, however skewed the noise itself."""
SKEWED = {"exponential": 0.06, "lognormal, sigma 1/2": 0.06, "lognormal, sigma 1": 0.10}
"""The share of false directions that is admitted where the noise of one cell is skewed and that of the other is not."""


def at_most(rate: float, n_sets: int) -> int:
    return int(stats.binom.ppf(1 - 1e-5, n_sets, rate))


def at_least(rate: float, n_sets: int) -> int:
    return int(stats.binom.ppf(1e-5, n_sets, rate))


@pytest.mark.parametrize("noise", [*SYMMETRIC, "exponential", "lognormal, sigma 1/2"])
def test_the_interval_covers_in_93_to_97_percent(noise):
    n_covered, n_sets = coverage(noise, "paired_interval", 2 * N_SETS)
    assert at_least(0.93, n_sets) <= n_covered <= at_most(0.97, n_sets)


def test_at_a_skewness_of_six_no_interval_covers_in_93_percent_and_this_one_comes_nearest():
    rates = {method: coverage("lognormal, sigma 1", method, N_SETS) for method in METHODS}
    n_covered, n_sets = rates.pop("paired_interval")
    assert at_least(0.90, n_sets) <= n_covered < at_least(0.93, n_sets)
    assert all(hits / sets + 0.03 < n_covered / n_sets for hits, sets in rates.values())


@pytest.mark.parametrize("noise", SYMMETRIC)
def test_without_an_effect_at_most_one_verdict_in_twenty_finds_one(noise):
    assert false_directions(noise, N_SETS) <= at_most(0.05, N_SETS)


@pytest.mark.parametrize("noise", SKEWED)
def test_without_an_effect_skewed_differences_mislead_no_more_often_than_is_admitted(noise):
    assert false_directions(noise, N_SETS) <= at_most(SKEWED[noise], N_SETS)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("noise", SYMMETRIC)
def test_an_effect_at_the_edge_of_the_margin_is_called_alike_at_most_once_in_twenty(noise, margin):
    n_sets = N_SETS // 2
    assert false_likeness(noise, margin, n_sets) <= at_most(0.05, n_sets)


def test_no_set_is_lost_on_the_way_to_its_outcome():
    assert count_outcomes(samples_of("normal", 100), 0.5).total() == 100


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_intervals_cover_in_93_percent_or_more(name):
    assert hits(name, 50) >= at_least(0.93, 50)


def test_every_noise_is_of_mean_zero_and_standard_deviation_one():
    for noise in NOISES:
        samples = samples_of(noise, 20_000)
        assert abs(samples.mean()) < 0.02
        if noise != "t, 3 df":  # its fourth moment is infinite, so that the spread of a sample tells little
            assert abs(samples.std() - 1) < 0.1
