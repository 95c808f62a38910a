"""Ratios of two sides of paired rounds, such as speeds measured in turn."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from bench.core.interval import Interval
from bench.stats.intervals import N_RESAMPLES, expanded

RATIO = "expanded percentile bootstrap of a ratio"


def ratio_of_medians(left: Sequence[float], right: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the median of the left over the median of the right.

    Both of a round are drawn together. It assumes independent rounds. A median takes few values under resampling,
    so the interval is wide: over sets of 6 to 30 rounds the 95 % one covers in 96 to 99 % (without the tails moved
    out, as for `mean_interval`, in 92 % at six).

    Raises ValueError for lists of unequal length, and for values that are not positive and finite.
    Source: Hesterberg 2015, arXiv 1411.5279: resampling of pairs, the expanded percentile interval.
    """
    return _interval(
        left, right, lambda left, right: np.median(left, axis=-1) / np.median(right, axis=-1), seed, confidence
    )


def median_of_ratios(left: Sequence[float], right: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the median over rounds of left over right; what slows a whole round down cancels.

    Assumptions, errors and source: those of `ratio_of_medians`, whose interval is wider where rounds differ.
    """
    return _interval(left, right, lambda left, right: np.median(left / right, axis=-1), seed, confidence)


def share_closed(gap: Sequence[float], rest: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return which share of a gap is closed: 1 less the mean of what is left of it over its mean.

    Both are paired differences of the same repetitions. The bounds are infinite where the gap itself is not told from
    zero at that confidence.

    Raises ValueError for lists of unequal length.
    Source: Fieller 1954, Journal of the Royal Statistical Society B 16.
    """
    from scipy import stats

    if len(gap) != len(rest):
        raise ValueError(f"{len(gap)} values of the gap and {len(rest)} of what is left are not pairs")
    n = len(gap)
    if n < 2:
        return Interval(math.nan, math.nan, math.nan, n, "none: fewer than two values")
    bottom, top = np.asarray(gap, dtype=float), np.asarray(rest, dtype=float)
    covariance = np.cov(bottom, top) / n
    t2 = float(stats.t.ppf((1 + confidence) / 2, n - 1)) ** 2
    a = bottom.mean() ** 2 - t2 * covariance[0, 0]
    b = bottom.mean() * top.mean() - t2 * covariance[0, 1]
    c = top.mean() ** 2 - t2 * covariance[1, 1]
    closed = 1 - float(top.mean() / bottom.mean())
    if a <= 0:
        return Interval(closed, -math.inf, math.inf, n, FIELLER)
    root = math.sqrt(max(0.0, b**2 - a * c))
    return Interval(closed, float(1 - (b + root) / a), float(1 - (b - root) / a), n, FIELLER)


FIELLER = "Fieller's of a ratio of paired means"


def _interval(
    left: Sequence[float],
    right: Sequence[float],
    statistic: Callable[[np.ndarray, np.ndarray], np.ndarray],
    seed: int,
    confidence: float,
) -> Interval:
    if len(left) != len(right):
        raise ValueError(f"{len(left)} values on the left and {len(right)} on the right are not pairs")
    first, second = np.array([left, right], dtype=float)
    if not (np.isfinite([first, second]).all() and (first > 0).all() and (second > 0).all()):
        raise ValueError("a ratio takes positive, finite values")
    n = len(first)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "none: no values")
    ratio = float(statistic(first, second))
    if n == 1:
        return Interval(ratio, math.nan, math.nan, 1, "none: one value")
    drawn = np.random.default_rng(seed).integers(0, n, size=(N_RESAMPLES, n))
    tail = (1 - expanded(confidence, n)) / 2
    low, high = np.quantile(statistic(first[drawn], second[drawn]), [tail, 1 - tail])
    return Interval(ratio, float(low), float(high), n, RATIO)
