"""Variants against one baseline, unpaired: Welch's t with Bonferroni's correction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from bench.stats.differences import welch_interval
from bench.stats.families import bonferroni
from bench.stats.intervals import Interval


@dataclass(frozen=True)
class VariantTest:
    """A variant minus the baseline; p is corrected for the number of variants, and the interval is as wide."""

    difference: Interval
    p_value: float


def against_baseline(
    baseline: Sequence[float], variants: Mapping[str, Sequence[float]], *, confidence: float = 0.95
) -> dict[str, VariantTest]:
    """Compare each variant with the baseline; p is below 1 - confidence exactly when the interval leaves out zero.

    It assumes independent runs and means near normal (Greff et al. took 20 or 200 runs a variant). The intervals
    hold together: with the chance `confidence`, all of them cover.

    Raises ValueError for fewer than two values, for values that do not vary, and for those that are not finite.
    Source: Welch 1947, Biometrika 34; Greff et al. 2017, arXiv 1503.04069: p = 0.05, 8 variants.
    """
    each = 1 - (1 - confidence) / max(1, len(variants))
    p_values = bonferroni([welch_p_value(values, baseline) for values in variants.values()])
    intervals = [welch_interval(values, baseline, confidence=each) for values in variants.values()]
    tested = (VariantTest(*pair) for pair in zip(intervals, p_values, strict=True))
    return dict(zip(variants, tested, strict=True))


def welch_p_value(left: Sequence[float], right: Sequence[float]) -> float:
    """Return the two-sided p-value of equal means, which belongs to `welch_interval`."""
    samples = [np.asarray(values, dtype=float) for values in (left, right)]
    if min(len(sample) for sample in samples) < 2 or all(np.ptp(sample) == 0 for sample in samples):
        raise ValueError("Welch's test takes two values or more on each side that are not all equal")
    return float(stats.ttest_ind(*samples, equal_var=False).pvalue)
