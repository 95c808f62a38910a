"""Equivalence of paired values: two one-sided tests against the edges of a margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.stats.estimate import narrowed
from bench.stats.intervals import Interval
from bench.stats.paired import paired_interval, paired_p_value


@dataclass(frozen=True)
class Equivalence:
    """The larger p-value of two one-sided tests, and the interval of the mean that they amount to."""

    p_value: float
    margin: tuple[float, float]
    interval: Interval
    is_equivalent: bool


def tost(differences: Sequence[float], margin: tuple[float, float], *, alpha: float = 0.05) -> Equivalence:
    """Test whether the mean of paired differences lies strictly between the two edges of a margin.

    Each test is the one of `paired_p_value`: p is below alpha exactly when the (1 - 2 alpha) interval of
    `paired_interval` lies within the margin. The margin must have been fixed before the values were seen, and the
    seeds be independent. Where no skewness is allowed for, these are the two one-sided t tests of Schuirmann.

    Raises ValueError for fewer than two values, and for a margin of which the first edge is not the lower.
    Source: Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15.
    """
    low, high = margin
    if not low < high:
        raise ValueError(f"a margin goes from its lower to its higher edge, got {margin}")
    above = paired_p_value(differences, null=low, alternative="greater")
    below = paired_p_value(differences, null=high, alternative="less")
    interval = paired_interval(differences, confidence=narrowed(1 - alpha))
    return Equivalence(max(above, below), margin, interval, max(above, below) < alpha)
