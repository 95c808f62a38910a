"""Claims about what matters: the shares of the variance that settings explain, from the studies of a task."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bench.claims.claim import Claim
from bench.stats.estimate import Estimate, estimate
from bench.stats.intervals import Interval
from bench.stats.question import Question
from bench.stats.verdict import Verdict, judge

RESAMPLED = "percentile bootstrap over trials"


@dataclass(frozen=True)
class Shares:
    """What each setting explains on one task, by its dotted name (`cell` for the cell), over n finished trials.

    `resampled` are the shares in each resample of the trials, in an order that all settings have in common, so that a
    difference of two shares can be taken resample by resample.
    """

    means: Mapping[str, float]
    resampled: Mapping[str, tuple[float, ...]]
    n: int
    tuning: str


Importances = Mapping[tuple[str, tuple[str, ...]], Shares]
"""Task and cells, as a claim names them, to the shares over the trials of those cells together."""


def missing(claim: Claim, shares: Shares) -> tuple[str, ...]:
    """Return the factors of a claim that were not searched."""
    return tuple(name for name in claim.factors if name not in shares.means)


def share_verdict_at(claim: Claim, shares: Shares, confidence: float) -> Verdict:
    """Return the verdict on the first factor's share minus the second's, or minus that of all others together."""
    margin = None if claim.margin is None else (-claim.margin, claim.margin)
    return judge(_estimate(claim, shares, confidence), Question(claim.direction, margin))


def against(claim: Claim) -> str:
    """Return what the first factor's share is held against."""
    return claim.factors[1] if len(claim.factors) == 2 else "all other settings together"


def _estimate(claim: Claim, shares: Shares, confidence: float) -> Estimate:
    first = claim.factors[0]
    others = claim.factors[1:] or tuple(name for name in shares.means if name != first)
    mean = shares.means[first] - sum(shares.means[name] for name in others)
    drawn = np.asarray(shares.resampled[first]) - sum(np.asarray(shares.resampled[name]) for name in others)

    def interval_at(level: float) -> Interval:
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return Interval(mean, float(low), float(high), shares.n, RESAMPLED)

    return estimate(interval_at, confidence=confidence)
