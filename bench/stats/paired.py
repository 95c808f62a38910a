"""The mean difference of pairs, of one seed or of one replication: its interval and the p-value that belongs to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from bench.core.interval import Interval
from bench.core.typing import Float

PAIRED = "t of Student and of Hall over pairs"
"""Kind of an interval that leaves out what both tests reject."""

ROUNDING = 1e-12
"""Differences whose range is at most this share of the values that they are of differ by rounding alone."""

Alternative = Literal["two-sided", "less", "greater"]


def paired_difference(left: Sequence[float], right: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the mean of left minus right, seed by seed, with its interval.

    Raises ValueError for lists of unequal length, and for a value that is not finite.
    """
    if len(left) != len(right):
        raise ValueError(f"{len(left)} values on the left and {len(right)} on the right are not pairs")
    differences = [first - second for first, second in zip(left, right, strict=True)]
    largest = max((abs(value) for value in (*left, *right)), default=0.0)
    if differences and max(differences) - min(differences) <= ROUNDING * largest:
        differences = [differences[0]] * len(differences)
    return paired_interval(differences, confidence=confidence)


def paired_interval(differences: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the mean of the differences of independent seeds, with its interval.

    A mean lies outside only if Student's t test and Hall's, which allows for skewness, both reject it: the
    interval therefore misses no more often than that of the test whose assumptions hold. Student's holds for
    normal differences and, a little wide, for symmetric ones, as two cells give that do not differ at all; Hall's
    to order 1 / n for skewed ones of finite variance. No interval covers every mean of every distribution
    (Bahadur and Savage 1956, Annals of Mathematical Statistics 27).

    Coverage of the 95 % interval over 20,000 simulated sets of ten (`python -m tests.programs.calibration`), in %:

    ==================  ======  =======  ===========  =============  ===========  ==================
    interval            normal  t, 3 df  exponential  lognormal 1/2  lognormal 1  two lognormal runs
    ==================  ======  =======  ===========  =============  ===========  ==================
    this one              96.2     96.2         94.3           94.2         90.6                96.6
    Student's alone       95.2     95.9         90.1           92.0         83.8                96.5
    `mean_interval`       94.7     93.7         90.4           92.5         84.4                93.0
    BCa bootstrap         90.2     85.4         87.1           88.6         81.8                82.7
    ==================  ======  =======  ===========  =============  ===========  ==================

    None reaches 93 % for differences as skewed as a lognormal of sigma 1 (skewness 6), whose rare large values most
    sets of ten lack; this one comes nearest. Its price: with an effect of one standard deviation, ten normal pairs
    tell it from zero in 73 % of all sets, and in 80 % by Student's interval alone.

    Raises ValueError for a value that is not finite.
    Source: Student 1908, Biometrika 6; Hall 1992, Journal of the Royal Statistical Society B 54: the cubic
    transformation, here with the quantiles of t in place of the normal ones.
    """
    sample = _finite(differences)
    n = len(sample)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "none: no values")
    if n == 1:
        return Interval(float(sample[0]), math.nan, math.nan, 1, "none: one value")
    if np.ptp(sample) == 0:
        return Interval(float(sample[0]), float(sample[0]), float(sample[0]), n, "none: all values are equal")
    low, high = bounds(sample, confidence=confidence)
    return Interval(float(sample.mean()), float(low), float(high), n, PAIRED)


def paired_p_value(differences: Sequence[float], *, null: float = 0.0, alternative: Alternative = "two-sided") -> float:
    """Return the p-value of a mean of `null`, below 5 % exactly when the 95 % interval leaves `null` out.

    Raises ValueError for a value that is not finite, and for fewer than two.
    """
    from scipy import stats

    sample = _finite(differences)
    if len(sample) < 2:
        raise ValueError(f"a test takes two values or more, got {len(sample)}")
    if np.ptp(sample) == 0:
        return _of_equal_values(float(sample[0]), null, alternative)
    t = (sample.mean() - null) / _standard_error(sample)
    both = np.array([t, _hall_transform(t, _skew(sample))])
    less, greater = (float(tail(both, len(sample) - 1).max()) for tail in (stats.t.cdf, stats.t.sf))
    return {"less": less, "greater": greater, "two-sided": min(1.0, 2 * min(less, greater))}[alternative]


def bounds(
    samples: Float[np.ndarray, "*sets n"], *, confidence: float
) -> tuple[Float[np.ndarray, "*sets"], Float[np.ndarray, "*sets"]]:
    """Return the lower and upper bounds of many sets at once, each along the last axis and of some spread."""
    from scipy import stats

    n = samples.shape[-1]
    mean, error, skew = samples.mean(axis=-1), _standard_error(samples), _skew(samples)
    t = stats.t.ppf((1 + confidence) / 2, n - 1)
    low = mean - np.maximum(t, _inverse_hall_transform(t, skew)) * error
    high = mean - np.minimum(-t, _inverse_hall_transform(-t, skew)) * error
    return np.asarray(low), np.asarray(high)


def _finite(values: Sequence[float]) -> np.ndarray:
    sample = np.asarray(values, dtype=float)
    if not np.isfinite(sample).all():
        raise ValueError("the mean of values that are not finite has no interval")
    return sample


def _standard_error(samples: np.ndarray) -> np.ndarray:
    return np.asarray(samples.std(axis=-1, ddof=1) / math.sqrt(samples.shape[-1]))


def _skew(samples: np.ndarray) -> np.ndarray:
    """Return the skewness of the mean: that of the values over the root of their number."""
    from scipy import stats

    return np.asarray(stats.skew(samples, axis=-1) / math.sqrt(samples.shape[-1]))


def _hall_transform(t: float, skew: np.ndarray) -> float:
    """Return Hall's transformation g(t) = t + a s t^2 + a^2 s^2 t^3 / 3 + b s, with a = 1 / 3 and b = 1 / 6."""
    return float(t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6)


def _inverse_hall_transform(t: float, skew: np.ndarray) -> np.ndarray:
    """Return the inverse of Hall's transformation; without skewness it leaves t as it is."""
    slope = np.where(np.abs(skew) < TINY, TINY, skew) / 3
    return np.asarray((np.cbrt(1 + 3 * slope * (t - skew / 6)) - 1) / slope)


TINY = 1e-6
"""Skewness below which the inverse is taken at this one: nearer to zero its numerator would cancel."""


def _of_equal_values(value: float, null: float, alternative: Alternative) -> float:
    is_rejected = {"less": value < null, "greater": value > null, "two-sided": value != null}[alternative]
    return 0.0 if is_rejected else 1.0
