"""Effects on several data sets as a sample of data sets: their mean, and what a new data set would show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.core.interval import Interval
from bench.stats.card import Card

KIND = "random effects, Hartung and Knapp"


@dataclass(frozen=True)
class Synthesis:
    """The mean effect over data sets in margins, below 0 left is better, at `confidence`.

    `spread` is the standard deviation between data sets, in margins, beyond what their own errors explain;
    `left_better` and `left_better_by_a_margin` are the probabilities of these on a new data set, None with fewer than
    three, and `n` the number of data sets.
    """

    interval: Interval
    confidence: float
    spread: float
    left_better: float | None
    left_better_by_a_margin: float | None

    def card(self, like: Card) -> Card:
        """Return the mean effect as a card in margins, its sides those of a card that is in it."""
        unknown = Interval(math.nan, math.nan, math.nan, self.interval.n, "none")
        means = (math.nan, math.nan)
        return replace(
            like,
            task="",
            is_minimised=True,
            means=means,
            interval=self.interval,
            confidence=self.confidence,
            margin=1.0,
            wins=unknown,
            null=0.0,
            is_ratio=False,
        )


def synthesis(cards: Sequence[Card], *, confidence: float = 0.95) -> Synthesis:
    """Return the synthesis of the cards of one comparison on several data sets.

    The data set is the unit: effects vary between data sets with a variance that is estimated (DerSimonian and Laird),
    and the interval of their mean is that of Hartung and Knapp, which holds its level with few data sets as the normal
    one does not. The probability for a new data set is that of its prediction interval, a t of k - 2 degrees of
    freedom. Both take effects of data sets for normal.

    Raises ValueError for fewer than two cards, and for one whose interval is none or has no width.
    Source: DerSimonian and Laird 1986, Controlled Clinical Trials 7; IntHout, Ioannidis and Borm 2014, BMC Medical
    Research Methodology 14; Higgins, Thompson and Spiegelhalter 2009, Journal of the Royal Statistical Society A 172.
    """
    from scipy import stats

    k = len(cards)
    effects = np.array([card.in_margins().mean for card in cards])
    errors = np.array([_error(card) for card in cards])
    if k < 2 or not np.isfinite([effects, errors]).all() or not (errors > 0).all():
        raise ValueError("a synthesis takes two cards or more, each with an interval that has a width")
    spread2 = _variance_between(effects, errors)
    weights = 1 / (errors**2 + spread2)
    mean = float(weights @ effects / weights.sum())
    error = math.sqrt(float(weights @ (effects - mean) ** 2) / ((k - 1) * float(weights.sum())))
    error = max(error, 1 / math.sqrt(float(weights.sum())))  # never below what the cards' own errors leave
    half = float(stats.t.ppf((1 + confidence) / 2, k - 1)) * error
    low, high = mean - half, mean + half
    new = math.sqrt(spread2 + error**2)
    zero, margin = (float(stats.t.cdf((edge - mean) / new, k - 2)) if k > 2 else None for edge in (0.0, -1.0))
    return Synthesis(Interval(mean, low, high, k, KIND), confidence, math.sqrt(spread2), zero, margin)


def _error(card: Card) -> float:
    """Return the standard error, in margins, of which a t interval has the width of the card's."""
    from scipy import stats

    found = card.in_margins()
    quantile = float(stats.t.ppf((1 + card.confidence) / 2, max(card.interval.n - 1, 1)))
    return (found.high - found.low) / (2 * quantile)


def _variance_between(effects: np.ndarray, errors: np.ndarray) -> float:
    weights = 1 / errors**2
    mean = weights @ effects / weights.sum()
    excess = float(weights @ (effects - mean) ** 2) - (len(effects) - 1)
    return max(0.0, excess / float(weights.sum() - (weights**2).sum() / weights.sum()))
