"""An effect card: two sides compared by their paired scores, with one margin, one interval and one word.

The interval decides alone, so that the word and the interval beside it never disagree:

- within the margin: *alike*;
- wholly beyond the margin: one side is *better*;
- without zero, but across an edge of the margin: one side is *better, by how much is open*;
- anything else, fewer than ENOUGH pairs, or differences that are all equal: *undecided*.

At a confidence of 95 %, two sides without a difference are told apart in at most 5 % of repetitions, and a difference
as large as the margin is called alike in at most 2.5 %, wherever the interval covers as it says. Over m comparisons
each interval has a confidence of 1 - 5 % / m: all m then hold together with 95 % (Bonferroni), whichever differences
are zero, at the edge or large.
Source: the outcomes of an interval against a margin, Lakens 2017, Social Psychological and Personality Science 8.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bench.core.interval import ENOUGH, Interval
from bench.stats.paired import paired_difference

Outcome = Literal["left better", "left better, open", "alike", "undecided", "right better, open", "right better"]

LEVEL = 0.05
"""Chance that even one of the intervals of some comparisons leaves its effect out."""

SHARE = 0.01
"""The margin as a share of the better side's mean score, where none is given."""

READING = (
    "Alike: the interval lies within the margin; better: wholly beyond it; by how much is open: without zero, but "
    "across an edge of the margin; undecided: anything else."
)
"""How a card is read, for whoever shows one."""

WILSON = "Wilson"
"""Kind of an interval of a share of pairs."""


@dataclass(frozen=True)
class Margin:
    """How large a difference may be and not matter: in the score's unit, or as a share of the better side's mean."""

    size: float = SHARE
    is_share: bool = True

    def around(self, means: tuple[float, float], *, is_minimised: bool) -> float:
        """Return the margin in the unit of the score."""
        best = min(means) if is_minimised else max(means)
        return self.size * abs(best) if self.is_share else self.size


@dataclass(frozen=True)
class Card:
    """One comparison: `interval` is of left minus right, at `confidence`, `wins` of the share of pairs that left wins.

    `means` are the two sides' mean scores, and `margin` is in the unit of the score.
    """

    task: str
    left: str
    right: str
    is_minimised: bool
    means: tuple[float, float]
    interval: Interval
    confidence: float
    margin: float
    wins: Interval

    @property
    def outcome(self) -> Outcome:
        """What the interval says, by the rules at the top of this file."""
        low, high = self.interval.low, self.interval.high
        if self.interval.n < ENOUGH or not low < high:  # nan is not smaller than anything
            return "undecided"
        if -self.margin < low and high < self.margin:
            return "alike"
        if low <= 0 <= high:
            return "undecided"
        is_left = (high < 0) == self.is_minimised
        if high < -self.margin or self.margin < low:
            return "left better" if is_left else "right better"
        return "left better, open" if is_left else "right better, open"

    @property
    def word(self) -> str:
        """The outcome in the names of the sides."""
        if self.outcome in ("alike", "undecided"):
            return self.outcome
        better = f"{self.left if self.outcome.startswith('left') else self.right} better"
        return f"{better}, by how much is open" if self.outcome.endswith("open") else better


def card_of(
    task: str,
    sides: tuple[str, str],
    scores: tuple[Sequence[float], Sequence[float]],
    *,
    margin: Margin | None = None,
    is_minimised: bool = True,
    n_comparisons: int = 1,
) -> Card:
    """Return the card of two sides with paired scores, one of `n_comparisons` that are judged together.

    Raises ValueError for lists of unequal length, and for a score that is not finite.
    """
    confidence = 1 - LEVEL / n_comparisons
    found = paired_difference(*scores, confidence=confidence)
    means = (float(np.mean(scores[0])), float(np.mean(scores[1])))
    size = (margin or Margin()).around(means, is_minimised=is_minimised)
    wins = [_win(left, right, is_minimised=is_minimised) for left, right in zip(*scores, strict=True)]
    return Card(task, *sides, is_minimised, means, found, confidence, size, share_interval(wins, confidence=confidence))


def share_interval(wins: Sequence[float], *, confidence: float = 0.95) -> Interval:
    """Return the share of pairs that are won, where 1 is a win and 1/2 a tie, with its interval.

    Source: Wilson 1927, Journal of the American Statistical Association 22.
    """
    from scipy import stats

    n = len(wins)
    if n == 0:
        return Interval(math.nan, math.nan, math.nan, 0, "none: no values")
    share, z = sum(wins) / n, float(stats.norm.ppf((1 + confidence) / 2))
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n, WILSON)


def _win(left: float, right: float, *, is_minimised: bool) -> float:
    if left == right:
        return 0.5
    return float((left < right) == is_minimised)
