"""A lattice for any number of trials: each point is a fixed step, around the unit cube, from the one before.

In one dimension the step is the golden ratio, by which n points leave no gap above 1.9 / n, whatever n is; in more it
is a power of the ratio's generalisation for each axis. With a shift drawn uniformly, so is every point.

Source: Niederreiter 1992, Random Number Generation and Quasi-Monte Carlo Methods, section 3.1, n times alpha; Cranley
and Patterson 1976, doi 10.1137/0713071, the shift; Roberts 2018, the unreasonable effectiveness of quasirandom
sequences, the steps in several dimensions.
"""

from __future__ import annotations

import math
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution


def place_in_lattice(number: int, axis: int, n_axes: int, shift: float) -> float:
    """Return a coordinate of a point, from 0 to below 1."""
    return (shift + number * _ratio(n_axes) ** -(axis + 1)) % 1.0


def value_at(place: float, distribution: BaseDistribution) -> Any:
    """Return the value at a place from 0 to below 1: values that can be counted have equal parts of it."""
    match distribution:
        case CategoricalDistribution(choices=choices):
            return choices[int(place * len(choices))]
        case FloatDistribution(low=low, high=high, step=float(step)):
            return min(low + step * int(place * (math.floor((high - low) / step + 1e-9) + 1)), high)
        case FloatDistribution(low=low, high=high, log=log):
            return _between(low, high, place, log=log)
        case IntDistribution(low=low, high=high, log=True):
            return min(max(round(_between(low - 0.5, high + 0.5, place, log=True)), low), high)
        case IntDistribution(low=low, high=high, step=step):
            return low + step * int(place * ((high - low) // step + 1))
    raise TypeError(f"no place in {distribution!r}")


def _between(low: float, high: float, place: float, *, log: bool) -> float:
    """Return a number on a linear or a logarithmic scale."""
    if not log:
        return min(low + place * (high - low), high)
    return min(max(math.exp(math.log(low) + place * math.log(high / low)), low), high)


def _ratio(n_axes: int) -> float:
    """Return the root above 1 of x ** (d + 1) = x + 1: the golden ratio for one axis."""
    ratio = 2.0
    for _ in range(64):  # a contraction: the last bits are still after 40
        ratio = (1.0 + ratio) ** (1.0 / (n_axes + 1))
    return ratio
