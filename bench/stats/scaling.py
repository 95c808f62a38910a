"""How a cost grows with a size: the slope of its logarithm against the logarithm of the size."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from bench.shapes import Float
from bench.stats.interaction import slopes_per_row
from bench.stats.intervals import Interval
from bench.stats.paired import paired_interval

LEAST_SQUARES = "t of a least-squares line"


def exponent(sizes: Sequence[float], costs: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the exponent e of cost ~ size^e, from one cost at each size.

    It assumes independent relative errors of equal, normal spread around a straight line of the logarithms; n is
    the number of points.

    Raises ValueError for values that are not positive and finite, and for sizes that are all the same.
    Source: Draper and Smith 1998, Applied Regression Analysis, the slope of a straight line.
    """
    x, y = _logarithms(sizes), _logarithms(costs)
    slope = float(slopes_per_row(y[None], x)[0])
    if len(x) < 3:
        return Interval(slope, math.nan, math.nan, len(x), "none: a line through two points has no spread")
    half = float(stats.t.ppf((1 + confidence) / 2, len(x) - 2) * stats.linregress(x, y).stderr)
    return Interval(slope, slope - half, slope + half, len(x), LEAST_SQUARES)


def exponent_over_rounds(
    sizes: Sequence[float], costs: Float[np.ndarray, "round size"], *, confidence: float = 0.95
) -> Interval:
    """Return the mean exponent over rounds that each measured every size; n is the number of rounds.

    Costs of one round may share a slow moment: only the rounds are independent.

    Raises ValueError for values that are not positive and finite, and for sizes that are all the same.
    """
    slopes = slopes_per_row(_logarithms(costs), _logarithms(sizes))
    return paired_interval(list(slopes), confidence=confidence)


def _logarithms(values: Sequence[float] | np.ndarray) -> np.ndarray:
    checked = np.asarray(values, dtype=float)
    if not (np.isfinite(checked) & (checked > 0)).all():
        raise ValueError("a logarithm takes positive, finite values")
    return np.asarray(np.log(checked))
