"""An effect card: two sides compared, with one margin, one interval and one word.

The interval decides alone, so that the word and the interval beside it never disagree:

- within the margin: *alike*;
- wholly beyond the margin: one side is *better*;
- without the number of no effect (0 for a difference, 1 for a ratio), but across an edge of the margin: one side is
  *better, by how much is open*;
- anything else, fewer than ENOUGH pairs, or differences that are all equal: *undecided*.

At a confidence of 95 %, two sides without a difference are told apart in at most 5 % of repetitions, and a difference
as large as the margin is called alike in at most 2.5 %, wherever the interval covers as it says. Over m comparisons
each interval has a confidence of 1 - 5 % / m: all m then hold together with 95 % (Bonferroni), whichever differences
are zero, at the edge or large.
Source: the outcomes of an interval against a margin, Lakens 2017, Social Psychological and Personality Science 8.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bench.core.interval import ENOUGH, Interval
from bench.core.wording import digits_of, interval, number
from bench.stats.paired import paired_difference

Outcome = Literal["left better", "left better, open", "alike", "undecided", "right better, open", "right better"]

LEVEL = 0.05
"""Chance that even one of the intervals of some comparisons leaves its effect out."""

SHARE = 0.01
"""The margin as a share of the better side's mean score, where none is given."""

READING = (
    "Alike: the interval lies within the margin; better: wholly beyond it; by how much is open: without zero (a ratio: "
    "without 1), but across an edge of the margin; undecided: anything else."
)
"""How a card is read, for whoever shows one."""

WILSON = "Wilson"
"""Kind of an interval of a share of pairs."""


def confidence_of(n_comparisons: int) -> float:
    """Return the confidence of each interval of some comparisons at which all hold together (Bonferroni)."""
    return 1 - LEVEL / max(n_comparisons, 1)


@dataclass(frozen=True)
class Margin:
    """How large a difference may be and not matter: in the score's unit, or as a share of the better side's mean."""

    size: float = SHARE
    is_share: bool = True

    def around(self, means: tuple[float, float], *, is_minimised: bool) -> float:
        """Return the margin in the unit of the score."""
        best = min(means) if is_minimised else max(means)
        return self.size * abs(best) if self.is_share else self.size

    def __str__(self) -> str:
        return f"{100 * self.size:g} %" if self.is_share else f"{self.size:g}"


def margin_of(text: str) -> Margin | None:
    """Return the margin that reads `0.05`, in the unit of the score, or `1%`; None for anything else."""
    found = re.fullmatch(r"\s*(\d*\.?\d+(?:[eE][+-]?\d+)?)\s*(%?)\s*", text)
    size = float(found[1]) if found else 0.0
    if not found or not 0 < size < math.inf:
        return None
    return Margin(size / 100, is_share=True) if found[2] else Margin(size, is_share=False)


@dataclass(frozen=True)
class Card:
    """One comparison: `interval` is of left minus right, or of left over right where `is_ratio`, at `confidence`.

    `means` are the two sides' mean scores, and `wins` is the share of pairs that left wins. `margin` is in the unit of
    the score, for a ratio a share of `null`, the number where there is no effect. `adjective` says what it is to win.
    What was counted and not estimated `is_exact`: it needs neither a number of pairs nor a width. `unit` is that of the
    effect, where cards of several are shown together.
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
    null: float = 0.0
    is_ratio: bool = False
    is_exact: bool = False
    adjective: str = "better"
    unit: str = ""

    @property
    def edges(self) -> tuple[float, float]:
        """The two edges of the margin."""
        if self.is_ratio:
            return self.null / (1 + self.margin), self.null * (1 + self.margin)
        return self.null - self.margin, self.null + self.margin

    @property
    def is_beyond(self) -> bool:
        """Whether the estimate itself lies beyond the margin."""
        low, high = self.edges
        return not low <= self.interval.mean <= high

    @property
    def outcome(self) -> Outcome:
        """What the interval says, by the rules at the top of this file."""
        low, high = self.interval.low, self.interval.high
        if not self.is_exact and (self.interval.n < ENOUGH or not low < high):  # nan is not smaller than anything
            return "undecided"
        inner, outer = self.edges
        if inner < low and high < outer:
            return "alike"
        if low <= self.null <= high:
            return "undecided"
        is_left = (high < self.null) == self.is_minimised
        if high < inner or outer < low:
            return "left better" if is_left else "right better"
        return "left better, open" if is_left else "right better, open"

    @property
    def word(self) -> str:
        """The outcome in the names of the sides."""
        if self.outcome in ("alike", "undecided"):
            return self.outcome
        better = f"{self.left if self.outcome.startswith('left') else self.right} {self.adjective}"
        return f"{better}, by how much is open" if self.outcome.endswith("open") else better

    @property
    def margin_text(self) -> str:
        """The margin in print, with one digit more than the interval."""
        digits = max(digits_of([self.interval]), -math.floor(math.log10(self.margin))) + 1
        return interval(*self.edges, digits) if self.is_ratio else f"±{number(self.margin, digits)}"

    @property
    def is_not_worse(self) -> bool:
        """Whether the interval leaves out that left is worse by the margin or more (non-inferiority)."""
        if self.interval.n < ENOUGH or not self.interval.low < self.interval.high:
            return False
        inner, outer = self.edges
        return self.interval.high < outer if self.is_minimised else inner < self.interval.low

    def in_margins(self) -> Interval:
        """Return the interval with the margin as the unit and no effect at 0; below 0 left is better."""
        found = self.interval
        ends = [self._size(each) for each in (found.mean, found.low, found.high)]
        mean, low, high = ends if self.is_minimised else (-ends[0], -ends[2], -ends[1])
        return Interval(mean, low, high, found.n, found.kind)

    def _size(self, value: float) -> float:
        if self.is_ratio:
            return math.log(value / self.null) / math.log1p(self.margin)
        return (value - self.null) / self.margin

    def mirrored(self) -> Card:
        """Return the same comparison with its sides exchanged."""
        found = self.interval
        mean, low, high = (1 / each if self.is_ratio else -each for each in (found.mean, found.high, found.low))
        wins = replace(self.wins, mean=1 - self.wins.mean, low=1 - self.wins.high, high=1 - self.wins.low)
        return replace(
            self,
            left=self.right,
            right=self.left,
            means=(self.means[1], self.means[0]),
            interval=Interval(mean, low, high, found.n, found.kind),
            wins=wins,
            null=1 / self.null if self.is_ratio else -self.null + 0.0,
        )

    @property
    def pairs_for_half_a_margin(self) -> int | None:
        """About how many pairs have an interval that reaches half a margin to either side; None where that is unknown.

        It depends on the spread of these pairs and not on their mean, which may be far from the true one (Hoenig and
        Heisey 2001, The American Statistician 55).
        """
        found = self.interval
        if self.is_exact or found.n < 2 or not found.low < found.high:
            return None
        half = math.log(found.high / found.low) / 2 if self.is_ratio else (found.high - found.low) / 2
        wanted = (math.log1p(self.margin) if self.is_ratio else self.margin) / 2
        return max(ENOUGH, math.ceil(found.n * (half / wanted) ** 2)) if half > wanted else None


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
    confidence = confidence_of(n_comparisons)
    found = paired_difference(*scores, confidence=confidence)
    means = (float(np.mean(scores[0])), float(np.mean(scores[1])))
    size = (margin or Margin()).around(means, is_minimised=is_minimised)
    wins = share_won(*scores, is_minimised=is_minimised, confidence=confidence)
    return Card(task, *sides, is_minimised, means, found, confidence, size, wins)


def share_won(left: Sequence[float], right: Sequence[float], *, is_minimised: bool, confidence: float) -> Interval:
    """Return the share of pairs that left wins, with its interval."""
    wins = [_win(first, second, is_minimised=is_minimised) for first, second in zip(left, right, strict=True)]
    return share_interval(wins, confidence=confidence)


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
