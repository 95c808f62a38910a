"""Interactions: how the difference of two cells changes with the amount of data, or with regularisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bench.core.interval import Interval
from bench.core.typing import Float
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


def difference_of_differences(differences: Float[np.ndarray, "seed step"], *, confidence: float = 0.95) -> Interval:
    """Return by how much the paired difference of two cells grows when something is turned on.

    Each seed has its left minus right twice, without it and then with it. It assumes what `paired_interval` does of
    the second less the first.

    Raises ValueError where a seed has not two differences.
    Source: Cox 1984, International Statistical Review 52: the interaction contrast of a 2 x 2 design.
    """
    if differences.shape[1] != 2:
        raise ValueError(f"each seed has a difference without it and one with it, got shape {differences.shape}")
    return paired_interval(list(differences[:, 1] - differences[:, 0]), confidence=confidence)


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
