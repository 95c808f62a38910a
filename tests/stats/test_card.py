"""Effect cards: the word follows from interval and margin alone, and holds as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.core.interval import Interval
from bench.stats.card import Card, Margin, card_of, share_interval
from bench.stats.paired import bounds

WINS = Interval(0.5, 0.2, 0.8, 10, "Wilson")


def card(low, high, *, n=10, is_minimised=True, margin=1.0):
    interval = Interval((low + high) / 2, low, high, n, "t")
    return Card("music", "GRU", "LSTM", is_minimised, (5.0, 5.0), interval, 0.95, margin, WINS)


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.9, 0.9, "alike"),
        (-0.9, -0.1, "alike"),  # told from zero, and too small to matter
        (-3.0, -1.1, "GRU better"),
        (1.1, 3.0, "LSTM better"),
        (-3.0, -0.5, "GRU better, by how much is open"),
        (0.5, 3.0, "LSTM better, by how much is open"),
        (-0.5, 1.5, "undecided"),
        (-3.0, 3.0, "undecided"),
        (-1.0, 0.5, "undecided"),  # the edge itself is not within
        (2.0, 2.0, "undecided"),  # equal values
        (math.nan, math.nan, "undecided"),
    ],
)
def test_interval_and_margin_give_the_word(low, high, word):
    assert card(low, high).word == word


def test_where_high_scores_are_better_the_other_side_is():
    assert card(-3.0, -1.1, is_minimised=False).word == "LSTM better"
    assert card(0.5, 3.0, is_minimised=False).word == "GRU better, by how much is open"


def test_few_pairs_and_equal_differences_decide_nothing():
    few = [1.0, 1.1, 0.9, 1.05, 0.95]
    assert card_of("", ("a", "b"), (few, [x + 9 for x in few])).word == "undecided"
    many = [float(i) for i in range(1, 11)]
    found = card_of("", ("a", "b"), (many, [x + 9 for x in many]))
    assert (found.interval.low, found.word) == (-9.0, "undecided")


def test_a_margin_is_a_share_of_the_better_sides_mean():
    scores = ([2.0, 4.0], [5.0, 7.0])
    assert card_of("", ("a", "b"), scores).margin == pytest.approx(0.03)
    assert card_of("", ("a", "b"), scores, is_minimised=False).margin == pytest.approx(0.06)
    assert card_of("", ("a", "b"), scores, margin=Margin(0.2, is_share=False)).margin == 0.2


def test_a_tie_is_half_a_win_and_its_interval_is_wilsons():
    found = card_of("", ("a", "b"), ([1.0, 2.0, 3.0], [2.0, 2.0, 2.5])).wins
    assert found.mean == 0.5
    for n_wins in (0, 3, 10):
        found = share_interval([1.0] * n_wins + [0.0] * (10 - n_wins))
        expected = stats.binomtest(n_wins, 10).proportion_ci(method="wilson")
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


N_FAMILIES, N_PAIRS = 4000, 10


def outcomes(effects, spread, seed):
    """Return the outcomes (families, effects) of pairs whose difference has a mean, in margins, and normal noise."""
    draw = np.random.default_rng(seed)
    samples = draw.normal(np.asarray(effects)[None, :, None], spread, (N_FAMILIES, len(effects), N_PAIRS))
    low, high = bounds(samples, confidence=1 - 0.05 / len(effects))
    return np.array([[card(*ends).outcome for ends in zip(*each, strict=True)] for each in zip(low, high, strict=True)])


def is_better(found):
    return np.char.find(found, "better") >= 0


def is_wrong_at_the_edge(found):
    """Return where a right side that is better by the margin was called something else than that or undecided."""
    return ~np.isin(found, ["right better, open", "undecided"])


@pytest.mark.parametrize("n_comparisons", [1, 4, 8])
@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_a_family_is_wrong_in_at_most_five_percent(n_comparisons, spread):
    """Whether the effects are all zero, all at the edge of the margin, or zero, at the edge and large in turns."""
    limit = 0.05 + 3 * math.sqrt(0.05 * 0.95 / N_FAMILIES)
    none, edge = (outcomes([effect] * n_comparisons, spread, seed=n_comparisons) for effect in (0.0, 1.0))
    assert is_better(none).any(axis=1).mean() <= limit
    assert is_wrong_at_the_edge(edge).any(axis=1).mean() <= limit
    mixed = outcomes(([0.0, 1.0, 3.0, 10.0] * 2)[:n_comparisons], spread, seed=n_comparisons)
    wrong = is_better(mixed[:, ::4]).any(axis=1) | is_wrong_at_the_edge(mixed[:, 1::4]).any(axis=1)
    assert wrong.mean() <= limit


def test_a_difference_of_two_margins_is_found_and_none_is_seen_to_be_none():
    assert is_better(outcomes([2.0], 1.0, seed=7)).mean() >= 0.95
    assert (outcomes([0.0], 1.0, seed=7) == "alike").mean() >= 0.5
