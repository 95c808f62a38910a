"""The number of paired seeds that a difference, or an equivalence, takes."""

from __future__ import annotations

import math
from collections.abc import Callable

from bench.core.interval import Interval
from bench.stats.estimate import Estimate, Question

POWER = 0.8
"""The chance of a decision that a sample size is chosen for."""

FEWEST = 2
"""Values that it takes to see a spread at all."""

MOST = 1_000_000
"""Sample size beyond which the answer is that none suffices."""


def power_of_difference(effect: float, n: int, *, sd: float = 1.0, confidence: float = 0.95) -> float:
    """Return the chance that Student's two-sided interval of n paired differences leaves out zero.

    It assumes normal differences of mean `effect` and standard deviation `sd`. The interval of `paired_interval` is
    a little wider: where this says 80 %, its verdicts come in 73 % of all sets at n = 10 and in 79 % at n = 34.

    Source: noncentral t; Cohen 1988, Statistical Power Analysis for the Behavioral Sciences, chapter 2.
    """
    from scipy import stats

    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    shift = effect / sd * math.sqrt(n)
    return _tail(-t, n - 1, shift) + _tail(-t, n - 1, -shift)


def power_of_equivalence(
    effect: float, margin: tuple[float, float], n: int, *, sd: float = 1.0, confidence: float = 0.95
) -> float:
    """Return the chance that two one-sided t tests place the mean of n paired differences within a margin.

    It assumes normal differences; the two tests are taken as never failing together, which is exact where the
    margin is wide enough for the power to be of use and too low where it is near zero.
    Source: noncentral t; Phillips 1990, Journal of Pharmacokinetics and Biopharmaceutics 18.
    """
    from scipy import stats

    t = stats.t.ppf(confidence, n - 1)
    low, high = margin
    fails_above = 1 - _tail(-t, n - 1, (effect - high) / sd * math.sqrt(n))
    fails_below = 1 - _tail(-t, n - 1, (low - effect) / sd * math.sqrt(n))
    return max(0.0, 1 - fails_above - fails_below)


def n_for_difference(effect: float, *, sd: float, confidence: float = 0.95, power: float = POWER) -> int | None:
    """Return the fewest paired seeds that tell a difference of this size, or None where no number does."""
    if effect == 0:
        return None
    if sd == 0:
        return FEWEST
    return _fewest(lambda n: power_of_difference(effect, n, sd=sd, confidence=confidence), power)


def n_for_equivalence(
    effect: float, margin: tuple[float, float], *, sd: float, confidence: float = 0.95, power: float = POWER
) -> int | None:
    """Return the fewest paired seeds that show equivalence at this difference, or None where no number does."""
    if not margin[0] < effect < margin[1]:
        return None
    if sd == 0:
        return FEWEST
    return _fewest(lambda n: power_of_equivalence(effect, margin, n, sd=sd, confidence=confidence), power)


def _tail(t: float, degrees: int, shift: float) -> float:
    """Return P(T < t) of the noncentral t; scipy gives nan for some tails below 1e-27."""
    from scipy import stats

    tail = float(stats.nct.cdf(t, degrees, shift))
    return float(shift < t) if math.isnan(tail) else tail


def _fewest(power_at: Callable[[int], float], power: float) -> int | None:
    """Return the smallest n of two or more with that power; power grows with n, so halving finds it."""
    high = FEWEST
    while power_at(high) < power:
        high *= 2
        if high > MOST:
            return None
    low = high // 2
    while low + 1 < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power_at(middle) >= power else (middle, high)
    return high


def n_that_decides(estimate: Estimate, question: Question) -> int | None:
    """Return the n at which, at the observed effect and spread, 80 % of all sets would decide; None for none.

    Whichever is reached first: to tell the effect from the threshold, or to place it within the margin. The spread
    is read off the interval, on the side that is in the way, so that an n is never one that was already there.
    Where the observed effect is far from the true one, so is n: it plans the next runs and says nothing of these
    (Hoenig and Heisey 2001, The American Statistician 55).
    """
    wide = estimate.wide
    if wide.n < 2 or not math.isfinite(wide.high - wide.low) or wide.low == wide.high:
        return None
    found = [n for n in (_to_tell_apart(estimate, question), _to_tell_alike(estimate, question)) if n is not None]
    return max(min(found), wide.n + 1, question.enough) if found else None


def _to_tell_apart(estimate: Estimate, question: Question) -> int | None:
    threshold = question.threshold
    if question.direction == "alike" and question.margin is not None:
        low, high = question.margin
        if low <= estimate.wide.mean <= high:
            return None
        threshold = low if estimate.wide.mean < low else high
    effect = estimate.wide.mean - threshold
    reach = estimate.wide.mean - estimate.wide.low if effect > 0 else estimate.wide.high - estimate.wide.mean
    return n_for_difference(
        effect, sd=_spread(reach, estimate.wide, estimate.confidence), confidence=estimate.confidence
    )


def _to_tell_alike(estimate: Estimate, question: Question) -> int | None:
    if question.margin is None:
        return None
    narrow = estimate.narrow
    reach = max(narrow.mean - narrow.low, narrow.high - narrow.mean)
    sd = _spread(reach, narrow, estimate.narrow_confidence)
    return n_for_equivalence(narrow.mean, question.margin, sd=sd, confidence=estimate.confidence)


def _spread(reach: float, interval: Interval, confidence: float) -> float:
    """Return the standard deviation whose t interval has this half width."""
    from scipy import stats

    return float(reach * math.sqrt(interval.n) / stats.t.ppf((1 + confidence) / 2, interval.n - 1))
