"""Effects over data sets: the interval of their mean covers with few data sets, and a new one is foretold."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.core.interval import Interval
from bench.stats.card import Card
from bench.stats.synthesis import synthesis

WINS = Interval(0.5, 0.2, 0.8, 10, "Wilson")
N = 10


def card(mean, error, *, margin=1.0):
    half = float(stats.t.ppf(0.975, N - 1)) * error
    found = Interval(mean, mean - half, mean + half, N, "t")
    return Card("", "GRU", "LSTM", True, (5.0, 5.0), found, 0.95, margin, WINS)


def test_equal_effects_have_no_spread_and_the_mean_of_their_errors():
    found = synthesis([card(0.5, 0.2) for _ in range(4)])
    assert found.spread == 0
    assert found.interval.mean == pytest.approx(0.5)
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(stats.t.ppf(0.975, 3) * 0.1)


def test_the_numbers_are_those_of_an_example_by_hand():
    effects, errors = np.array([0.0, 1.0, 3.0]), np.array([0.5, 1.0, 0.5])
    weights = 1 / errors**2
    q = float(weights @ (effects - weights @ effects / weights.sum()) ** 2)
    spread2 = (q - 2) / (weights.sum() - (weights**2).sum() / weights.sum())
    found = synthesis([card(*each) for each in zip(effects, errors, strict=True)])
    assert found.spread == pytest.approx(math.sqrt(spread2))
    new = 1 / (errors**2 + spread2)
    assert found.interval.mean == pytest.approx(new @ effects / new.sum())


@pytest.mark.parametrize("k", [4, 8])
@pytest.mark.parametrize("spread", [0.0, 0.5, 2.0])
def test_the_interval_of_the_mean_covers(k, spread):
    draw, n_sets, hits = np.random.default_rng(k), 800, 0
    for _ in range(n_sets):
        truth = draw.normal(0.3, spread, k)
        found = synthesis([card(draw.normal(each, 0.3), 0.3) for each in truth])
        hits += found.interval.low <= 0.3 <= found.interval.high
    assert hits / n_sets >= 0.93


def test_the_probability_of_a_new_data_set_is_about_what_comes_true():
    draw, told, came = np.random.default_rng(0), [], []
    for _ in range(800):
        mean = draw.normal(0, 1)
        found = synthesis([card(draw.normal(mean + draw.normal(0, 1), 0.2), 0.2) for _ in range(6)])
        told.append(found.left_better)
        came.append(mean + draw.normal(0, 1) < 0)
    order = np.argsort(told)
    for part in np.array_split(order, 4):
        assert np.mean(np.array(came)[part]) == pytest.approx(np.mean(np.array(told)[part]), abs=0.08)


@pytest.mark.parametrize("errors", [[0.1], [0.1, 0.0], [0.1, math.nan]])
def test_what_has_no_synthesis_is_refused(errors):
    with pytest.raises(ValueError, match="two cards or more"):
        synthesis([card(0.0, error) for error in errors])
