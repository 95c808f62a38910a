"""A question: what a claim says of a number, in the form in which a verdict can be given on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bench.stats.intervals import ENOUGH

Direction = Literal["lower", "higher", "alike"]


@dataclass(frozen=True)
class Question:
    """What a claim says of a number, fixed before the runs.

    `null` is the number where there is no effect: 0 for a difference, 1 for a ratio. `margin` holds the two edges
    between which a number counts as none. `is_beyond` turns the claim into one of an effect beyond the margin.

    Raises ValueError for a margin that does not hold `null`, and where one is needed and missing.
    """

    direction: Direction
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
