"""An estimate: a number with the two intervals by which it is judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.stats.intervals import Interval
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
