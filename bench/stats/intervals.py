"""The interval of a mean over few seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bench.core.interval import Interval
from bench.core.typing import Float

BOOTSTRAP = "expanded percentile bootstrap"
"""Kind of an interval over two values or more."""

N_RESAMPLES = 9999


def mean_interval(values: Sequence[float], *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the mean and its expanded percentile bootstrap interval.

    The plain percentile interval is too narrow for few values; here its tails are moved out to where the t
    interval has them. Coverage of the 95 % interval over 3,000 simulated sets of normal values: 49 % at n = 2,
    74 % at 3, 88 % at 4, 93 % at 5 and 6, 95 % at 10 (plain percentile: 90 % at 10). No resample leaves the
    range of the values, so no bootstrap can do better at n = 2 or 3; see `Interval.is_too_narrow`.

    Raises ValueError for a value that is not finite.
    Source: Hesterberg 2015, arXiv 1411.5279, the expanded percentile interval.
    """
    sample = np.asarray(values, dtype=float)
    if not np.isfinite(sample).all():
        raise ValueError("the mean of values that are not finite has no interval")
    if len(sample) == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "none: no values")
    mean = float(sample.mean())
    if len(sample) == 1:
        return Interval(mean, math.nan, math.nan, 1, "none: one value")
    if np.ptp(sample) == 0:
        return Interval(float(sample[0]), float(sample[0]), float(sample[0]), len(sample), "none: all values are equal")
    low, high = _bootstrap(sample, seed, expanded(confidence, len(sample)))
    return Interval(mean, low, high, len(sample), BOOTSTRAP)


def next_value(values: Sequence[float], *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the interval in which one further value falls with the given probability, if all are normal.

    What a single run says about a mean is no more than this. Raises ValueError for fewer than two values.
    Source: Student's prediction interval, mean -+ t(n - 1) s sqrt(1 + 1 / n).
    """
    from scipy import stats

    sample = np.asarray(values, dtype=float)
    if len(sample) < 2:
        raise ValueError(f"one further value has no interval after {len(sample)}")
    reach = stats.t.ppf((1 + confidence) / 2, len(sample) - 1) * sample.std(ddof=1) * math.sqrt(1 + 1 / len(sample))
    return float(sample.mean() - reach), float(sample.mean() + reach)


def expanded(confidence: float, n: int) -> float:
    """Return the confidence at which a percentile interval over n values is as wide as a t interval.

    Source: Hesterberg 2015, arXiv 1411.5279: tails of Phi(-sqrt(n / (n - 1)) t) instead of (1 - confidence) / 2.
    """
    return 1 - 2 * tail_of_t(confidence, n, degrees=n - 1)


def tail_of_t(confidence: float, n: int, *, degrees: int) -> float:
    """Return the tail of a percentile interval that is as wide as t's, where n values share the degrees of freedom."""
    from scipy import stats

    t = stats.t.ppf((1 + confidence) / 2, degrees)
    return float(stats.norm.cdf(-math.sqrt(n / (n - 1)) * t))


def _bootstrap(sample: np.ndarray, seed: int, confidence: float) -> tuple[float, float]:
    from scipy import stats  # scipy is slow to import, and most commands need no interval

    result = stats.bootstrap(
        (sample,),
        np.mean,
        confidence_level=confidence,
        n_resamples=N_RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


RESAMPLED = "t at the spread of bootstrap resamples"


def interval_of_resamples(
    mean: float, resampled: Float[np.ndarray, "resample"], *, n: int, confidence: float = 0.95
) -> Interval:
    """Return the interval of an estimate over n values, given what it came to in each of some resamples.

    Its width is that of t at the standard deviation of the resamples: fifty of them, which is all that some estimates
    allow, have no quantiles at the confidence that several data sets ask for.

    Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 12: the standard interval.
    """
    from scipy import stats

    half = float(stats.t.ppf((1 + confidence) / 2, len(resampled) - 1) * np.std(resampled, ddof=1))
    return Interval(mean, mean - half, mean + half, n, RESAMPLED)
