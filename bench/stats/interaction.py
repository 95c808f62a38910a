"""Interactions: how the difference of two cells changes with the amount of data, or with regularisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.shapes import Float
from bench.stats.intervals import Interval
from bench.stats.paired import paired_interval


def slope_over_fractions(
    differences: Float[np.ndarray, "seed fraction"], fractions: Sequence[float], *, confidence: float = 0.95
) -> Interval:
    """Return by how much the paired difference of two cells grows per doubling of the data.

    Each seed gives one least-squares slope against log2 of the fraction; the slopes are then treated as paired
    differences are. Differences of one seed may depend on each other in any way; seeds are independent. No line
    has to fit: the slope is a contrast that is zero where the difference does not depend on the fraction.

    Raises ValueError for fractions that are not positive or fewer than two.
    Source: Frison and Pocock 1992, Statistics in Medicine 11: analysis by summary measures.
    """
    slopes = slopes_per_row(differences, np.log2(_positive(fractions)))
    return paired_interval(list(slopes), confidence=confidence)


def difference_of_differences(
    with_it: tuple[Sequence[float], Sequence[float]],
    without: tuple[Sequence[float], Sequence[float]],
    *,
    confidence: float = 0.95,
) -> Interval:
    """Return left minus right with a setting, less left minus right without it, seed by seed.

    Each pair holds the left and the right cell; the same seeds ran all four. It assumes what `paired_interval`
    does of the four values of a seed put together.

    Raises ValueError for lists of unequal length.
    Source: Cox 1984, International Statistical Review 52: the interaction contrast of a 2 x 2 design.
    """
    values = [*with_it, *without]
    if len({len(part) for part in values}) != 1:
        raise ValueError(f"each seed takes four values, got lists of {[len(part) for part in values]}")
    left_with, right_with, left_without, right_without = (np.asarray(part, dtype=float) for part in values)
    contrasts = (left_with - right_with) - (left_without - right_without)
    return paired_interval(list(contrasts), confidence=confidence)


def slopes_per_row(rows: Float[np.ndarray, "row point"], x: Float[np.ndarray, "place"]) -> Float[np.ndarray, "row"]:
    """Return the least-squares slope of each row against x."""
    if rows.shape[-1] != len(x):
        raise ValueError(f"rows of {rows.shape[-1]} values have no slope over {len(x)} places")
    centred = x - x.mean()
    if not centred.any():
        raise ValueError("a slope takes two different places or more")
    return np.asarray(rows @ centred / (centred @ centred))


def _positive(values: Sequence[float]) -> np.ndarray:
    checked = np.asarray(values, dtype=float)
    if not (np.isfinite(checked) & (checked > 0)).all():
        raise ValueError("a logarithm takes positive, finite values")
    return checked
