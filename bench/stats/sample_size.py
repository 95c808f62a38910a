"""How many values would decide a question that an estimate leaves open."""

from __future__ import annotations

import math

from scipy import stats

from bench.stats.estimate import Estimate
from bench.stats.intervals import Interval
from bench.stats.power import n_for_difference, n_for_equivalence
from bench.stats.question import Question


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
    """Return the standard deviation at which a t interval would reach as far from its mean."""
    return float(reach * math.sqrt(interval.n) / stats.t.ppf((1 + confidence) / 2, interval.n - 1))
