"""The interval over repetitions and pieces holds both parts, counts nothing twice, and covers as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from bench.stats.paired import paired_interval
from bench.stats.pieces import CROSSED, OF_PIECES, crossed_difference, pseudo_values
from tests.programs.calibration_of_pieces import DISTRIBUTIONS, SOURCES, coverage, sets_of

R, P, N_SETS = 6, 30, 2000
UNITS = np.arange(10.0, 10.0 + P)


def table(*, repetition=0.0, piece=0.0, both=0.0, seed=0):
    """Return losses of two sides whose difference is a unit's 0.2 and what is drawn."""
    draw = np.random.default_rng(seed)
    right = 8 * UNITS + draw.normal(size=(R, P))
    drawn = repetition * draw.normal(size=(R, 1)) + piece * draw.normal(size=P) + both * draw.normal(size=(R, P))
    return right + UNITS * (0.2 + drawn), right


def ends(interval):
    return interval.mean, interval.low, interval.high


def squares(interval):
    return np.array([interval.mean - interval.low, interval.high - interval.mean]) ** 2


def test_the_mean_and_the_repetitions_part_are_those_of_the_paired_scores():
    left, right = table(repetition=0.1, piece=0.3, both=0.1)
    found = crossed_difference(left, right, UNITS, confidence=0.99)
    scores = (left - right).sum(axis=1) / UNITS.sum()
    assert ends(found.repetitions) == pytest.approx(ends(paired_interval(list(scores), confidence=0.99)))
    assert found.interval.mean == found.pieces.mean == found.repetitions.mean
    assert (found.interval.n, found.repetitions.n, found.pieces.n) == (R, R, P)
    assert (found.interval.kind, found.pieces.kind) == (CROSSED, OF_PIECES)


def test_the_squares_of_both_parts_add_up():
    found = crossed_difference(*table(repetition=0.1, piece=0.3, both=0.1), UNITS)
    assert squares(found.interval) == pytest.approx(squares(found.repetitions) + squares(found.pieces))
    assert (squares(found.pieces) > 0).all()


def test_pieces_alone_have_the_interval_of_a_ratio_of_means():
    left, right = table(repetition=1e-6, piece=0.3)
    found = crossed_difference(left, right, UNITS)
    losses = (left - right).mean(axis=0)
    rest = losses - losses.sum() / UNITS.sum() * UNITS
    error = math.sqrt(rest.var(ddof=1) / P) / UNITS.mean()
    half = stats.t.ppf(0.975, P - 1) * error
    assert (found.pieces.high - found.pieces.low) / 2 == pytest.approx(half, rel=0.1)
    assert squares(found.interval) == pytest.approx(squares(found.pieces), rel=1e-3)


def test_equal_effects_on_all_pieces_leave_the_repetitions_interval():
    found = crossed_difference(*table(repetition=0.1), UNITS)
    assert found.interval.low == pytest.approx(found.repetitions.low, rel=1e-6)
    assert found.interval.high == pytest.approx(found.repetitions.high, rel=1e-6)


def test_what_pieces_add_in_one_repetition_and_not_in_another_is_counted_once():
    shares = []
    for seed in range(40):
        found = crossed_difference(*table(both=0.3, seed=seed), UNITS)
        shares.append(squares(found.pieces).sum() / squares(found.repetitions).sum())
    assert np.median(shares) < 0.1


def test_a_scale_scales_everything_and_another_metric_is_followed_to_first_order():
    left, right = table(repetition=0.01, piece=0.03, both=0.01)
    nats, bits = (
        crossed_difference(left, right, UNITS, from_nats=each) for each in (None, lambda loss: loss / math.log(2))
    )
    assert bits.interval.low == pytest.approx(nats.interval.low / math.log(2))
    assert bits.pieces.high == pytest.approx(nats.pieces.high / math.log(2))
    small = right + 0.01 * (left - right)
    words, linear = (crossed_difference(small, right, UNITS, from_nats=each) for each in (math.exp, None))
    slope = math.exp(right.sum() / R / UNITS.sum())
    assert squares(words.pieces) ** 0.5 == pytest.approx(slope * squares(linear.pieces) ** 0.5, rel=0.1)
    assert words.interval.mean == pytest.approx(slope * linear.interval.mean, rel=0.1)


def test_units_scale_with_losses():
    left, right = table(repetition=0.1, piece=0.3, both=0.1)
    once, thrice = crossed_difference(left, right, UNITS), crossed_difference(3 * left, 3 * right, 3 * UNITS)
    assert ends(thrice.interval) == pytest.approx(ends(once.interval))


def test_sides_change_places():
    left, right = table(repetition=0.1, piece=0.3, both=0.1)
    there, back = crossed_difference(left, right, UNITS).interval, crossed_difference(right, left, UNITS).interval
    assert ends(back) == pytest.approx((-there.mean, -there.high, -there.low))


def test_where_there_is_no_interval_it_is_said_why():
    left, right = table(repetition=0.1, piece=0.3)
    assert crossed_difference(left[:0], right[:0], UNITS).interval.kind == "none: no values"
    one = crossed_difference(left[:1], right[:1], UNITS)
    assert one.interval.kind == "none: one value"
    assert math.isnan(one.interval.low)
    assert one.pieces.low < one.pieces.high
    alone = crossed_difference(left[:, :1], right[:, :1], UNITS[:1])
    assert alone.interval.kind == alone.pieces.kind == "none: one piece"
    assert alone.repetitions.low < alone.repetitions.high
    same = crossed_difference(left, left, UNITS)
    assert (same.interval.low, same.interval.high, same.interval.kind) == (0, 0, "none: all values are equal")
    assert (same.pieces.low, same.pieces.high) == (0, 0)


@pytest.mark.parametrize(
    ("left", "right", "units", "message"),
    [
        (np.ones((2, 3)), np.ones((2, 4)), np.ones(3), r"got \(2, 3\) on the left, \(2, 4\) on the right"),
        (np.ones((2, 3)), np.ones((2, 3)), np.ones(4), r"and \(4,\) units"),
        (np.ones(3), np.ones(3), np.ones(3), "the same repetitions and pieces"),
        (np.ones((2, 0)), np.ones((2, 0)), np.ones(0), "there must be a piece"),
        (np.ones((2, 2)), np.ones((2, 2)), np.array([1.0, 0.0]), "must have units"),
        (np.ones((2, 2)), np.full((2, 2), math.nan), np.ones(2), "not finite"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(left, right, units, message):
    with pytest.raises(ValueError, match=message):
        crossed_difference(left, right, units)


def test_the_program_simulates_what_the_function_computes():
    sets = sets_of(np.random.default_rng(3), 1, (6, 20), ("all alike", "normal"))
    _, pseudo = pseudo_values(sets.losses, sets.units)
    found = crossed_difference(sets.losses[0], 0 * sets.losses[0], sets.units[0])
    assert coverage(sets, "crossed_difference") == (found.interval.low <= 0 <= found.interval.high)
    assert pseudo.shape == (1, 6, 20)


@pytest.mark.parametrize("size", [(6, 20), (10, 77)], ids=str)
@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
@pytest.mark.parametrize("source", SOURCES)
def test_it_covers_the_difference_on_all_pieces_and_repetitions(source, distribution, size):
    sets = sets_of(np.random.default_rng(2), N_SETS, size, (source, distribution))
    fewest = LOW.get((distribution, size[1]), 0.93)
    covered = coverage(sets, "crossed_difference")
    assert stats.binom.ppf(1e-5, N_SETS, fewest) <= covered * N_SETS <= stats.binom.ppf(1 - 1e-5, N_SETS, 0.97)


LOW = {("skewed pieces", 20): 0.91}
"""The coverage that is admitted where twenty pieces have a skewness of six."""
