"""The interval of a difference between two means."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.core.interval import Interval

WELCH = "Welch t"
"""Kind of an interval over two sets of values that are not paired."""


def welch_interval(left: Sequence[float], right: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the difference of the means, left minus right, of unpaired values of unequal variance; n is the fewer.

    Raises ValueError for a value that is not finite.
    Source: Welch 1947, Biometrika 34.
    """
    from scipy import stats

    samples = [np.asarray(values, dtype=float) for values in (left, right)]
    if not all(np.isfinite(sample).all() for sample in samples):
        raise ValueError("values that are not finite have no interval")
    n = min(len(sample) for sample in samples)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "none: no values")
    difference = float(samples[0].mean() - samples[1].mean())
    if n == 1:
        return Interval(difference, math.nan, math.nan, 1, "none: one value")
    if all(np.ptp(sample) == 0 for sample in samples):
        return Interval(difference, difference, difference, n, "none: all values are equal")
    bounds = stats.ttest_ind(*samples, equal_var=False).confidence_interval(confidence)
    return Interval(difference, float(bounds.low), float(bounds.high), n, WELCH)
