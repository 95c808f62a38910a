"""P-values of many tests: adjusted so that the chance of even one false finding stays at the level."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bonferroni(p_values: Sequence[float]) -> list[float]:
    """Return each p-value times their number, at most 1, in the same order; any dependence is allowed.

    Source: Dunn 1961, Journal of the American Statistical Association 56; Greff et al. 2017, arXiv 1503.04069.
    """
    p = _checked(p_values)
    return [float(value) for value in np.minimum(1.0, p * len(p))]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted step by step, in the same order; never larger than Bonferroni's, under as little.

    Source: Holm 1979, Scandinavian Journal of Statistics 6.
    """
    p = _checked(p_values)
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * (len(p) - np.arange(len(p))))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, stepped)
    return [float(value) for value in adjusted]


def _checked(p_values: Sequence[float]) -> np.ndarray:
    p = np.asarray(p_values, dtype=float)
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values lie between 0 and 1, got {list(p_values)}")
    return p
