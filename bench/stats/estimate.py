"""An estimate: a number with the two intervals by which it is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.core.interval import ENOUGH, Interval
from bench.stats.paired import paired_interval


@dataclass(frozen=True)
class Estimate:
    """A wide interval to tell a difference by, and a narrow one, of twice its error, to tell equivalence by.

    Raises ValueError where the narrow one does not lie within the wide one.
    """

    wide: Interval
    narrow: Interval
    confidence: float = 0.95

    def __post_init__(self) -> None:
        is_nested = not (self.narrow.low < self.wide.low or self.narrow.high > self.wide.high)
        if not is_nested or self.narrow.n != self.wide.n:
            raise ValueError(f"{self.narrow} does not lie within {self.wide}")

    @property
    def narrow_confidence(self) -> float:
        """The confidence whose two tails each hold as much as both tails of the wide interval."""
        return narrowed(self.confidence)


def narrowed(confidence: float) -> float:
    """Return the confidence of the interval that two one-sided tests amount to."""
    return 2 * confidence - 1


def estimate(interval_at: Callable[[float], Interval], *, confidence: float = 0.95) -> Estimate:
    """Return the estimate that an estimator gives when it is asked for both confidences.

    Example: ``estimate(lambda confidence: ratio_of_medians(left, right, seed=seed, confidence=confidence))``.
    """
    return Estimate(interval_at(confidence), interval_at(narrowed(confidence)), confidence)


def paired_estimate(differences: Sequence[float], *, confidence: float = 0.95) -> Estimate:
    """Return the estimate of the mean of paired differences."""
    return estimate(lambda level: paired_interval(differences, confidence=level), confidence=confidence)


ClaimDirection = Literal["lower", "higher", "alike"]
"""How a claim says that a number differs from no effect: below it, above it, or not at all."""


@dataclass(frozen=True)
class Question:
    """What a claim says of a number, fixed before the runs.

    `null` is the number where there is no effect: 0 for a difference, 1 for a ratio. `margin` holds the two edges
    between which a number counts as none. `is_beyond` turns the claim into one of an effect beyond the margin.

    Raises ValueError for a margin that does not hold `null`, and where one is needed and missing.
    """

    direction: ClaimDirection
    margin: tuple[float, float] | None = None
    null: float = 0.0
    is_beyond: bool = False
    enough: int = ENOUGH

    def __post_init__(self) -> None:
        if self.margin is None and (self.direction == "alike" or self.is_beyond):
            raise ValueError("a claim of likeness, and one of an effect beyond the margin, takes a margin")
        if self.margin is not None and not self.margin[0] < self.null < self.margin[1]:
            raise ValueError(f"the margin {self.margin} does not hold {self.null}")
        if self.is_beyond and self.direction == "alike":
            raise ValueError("a claim of likeness is one of no effect beyond the margin")

    @property
    def threshold(self) -> float:
        """The number on whose claimed side the interval of a claim of direction has to lie."""
        if not self.is_beyond or self.margin is None:
            return self.null
        return self.margin[0] if self.direction == "lower" else self.margin[1]
