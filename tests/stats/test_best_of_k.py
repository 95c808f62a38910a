"""The expected best of k trials: equal to what counting all draws gives, and as often right as it says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from bench.stats import best_of_k as module
from bench.stats.best_of_k import Stretch, best_of_k, expected_best, stretches, told_apart

SCORES = [3.0, 1.5, 4.0, 1.5, 9.0]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize(("direction", "best"), [("minimise", min), ("maximise", max)])
def test_it_is_the_mean_over_all_draws_with_replacement(n, direction, best):
    scores = SCORES[:n]
    counted = [np.mean([best(draws) for draws in product(scores, repeat=k)]) for k in range(1, n + 1)]
    # the sums differ in their order alone
    assert expected_best(scores, direction) == pytest.approx(counted, rel=1e-12)


def test_one_trial_is_expected_to_be_the_mean_and_more_never_to_be_worse():
    curve = expected_best(SCORES, "minimise")
    assert curve[0] == pytest.approx(np.mean(SCORES), rel=1e-12)
    assert (np.diff(curve) <= 0).all()


def test_the_order_of_the_trials_does_not_matter():
    assert (expected_best(SCORES, "minimise") == expected_best(SCORES[::-1], "minimise")).all()


@pytest.mark.parametrize("scores", [[], [1.0, float("nan")], [1.0, float("inf")]])
def test_scores_that_are_not_finite_are_refused(scores):
    with pytest.raises(ValueError, match="all finite"):
        expected_best(scores, "minimise")


def test_the_same_seed_gives_the_same_interval_and_it_holds_the_estimate():
    first, again = (best_of_k(SCORES * 4, "minimise", seed=3) for _ in range(2))
    assert (first.low == again.low).all()
    assert (first.low <= first.mean).all()
    assert (first.mean <= first.high).all()
    assert first.n == 20


def bowl(draw: np.random.Generator, n: int) -> np.ndarray:
    places = draw.uniform(size=n)
    return 8.5 + np.where(places < 0.6, 6, 14) * (places - 0.6) ** 2 + 0.03 * draw.normal(size=n)


def test_of_thirty_trials_the_interval_covers_the_best_of_few_and_misses_the_best_of_all(monkeypatch):
    # the docstring says 93 % at k = 1 and 53 % at k = 30; five standard errors of 200 studies are 9 and 18 points
    monkeypatch.setattr(module, "N_RESAMPLES", 500)
    draw = np.random.default_rng(1)
    many = bowl(np.random.default_rng(0), 300_000)
    truth = {k: many.reshape(-1, k).min(axis=1).mean() for k in (1, 30)}
    hits = dict.fromkeys(truth, 0)
    for seed in range(200):
        curve = best_of_k(bowl(draw, 30).tolist(), "minimise", seed=seed)
        for k in truth:
            hits[k] += bool(curve.low[k - 1] <= truth[k] <= curve.high[k - 1])
    assert 0.84 < hits[1] / 200 < 0.99
    assert 0.35 < hits[30] / 200 < 0.71


def test_two_cells_that_do_not_differ_are_told_apart_in_five_percent_of_studies(monkeypatch):
    monkeypatch.setattr(module, "N_RESAMPLES", 400)
    draw = np.random.default_rng(2)
    n_told = 0
    for seed in range(300):
        places = draw.uniform(size=20)
        left, right = (6 * (places - 0.6) ** 2 + 0.05 * draw.normal(size=20) for _ in range(2))
        n_told += bool(told_apart(left.tolist(), right.tolist(), "minimise", seed=seed).any())
    # at a level of 5 % more than 29 of 300 happen less than once in 2,000 tries
    assert stats.binom.sf(29, 300, 0.05) < 5e-4
    assert n_told <= 29


def test_a_clear_difference_is_told_where_there_are_trials_enough_to_tell_it():
    draw = np.random.default_rng(3)
    left = bowl(draw, 30)
    told = told_apart(left.tolist(), (left + 0.5 + 0.01 * draw.normal(size=30)).tolist(), "minimise", seed=1)
    assert told[0]
    assert not told_apart(left.tolist(), left.tolist(), "minimise", seed=1).any()


def test_trials_that_are_not_paired_are_refused():
    with pytest.raises(ValueError, match="equally many, got 1 and 2"):
        told_apart([1.0], [1.0, 2.0], "minimise", seed=1)


def test_stretches_say_where_a_sign_changes():
    assert stretches([1, 1, -1, 0, 0]) == (Stretch(1, 2, 1), Stretch(3, 3, -1), Stretch(4, 5, 0))
    assert stretches([1, 1]) == (Stretch(1, 2, 1),)
