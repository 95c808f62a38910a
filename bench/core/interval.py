"""An interval, as every table and sentence shows it; estimated in `bench.stats`."""

from __future__ import annotations

from dataclasses import dataclass

ENOUGH = 6
"""Fewest seeds for a two-sided exact paired test at 5 % (at five, its smallest p-value is 2 / 2**5 = 0.0625)."""


@dataclass(frozen=True)
class Interval:
    """A mean with its interval; `low` and `high` are nan where `kind` says that there is none."""

    mean: float
    low: float
    high: float
    n: int
    kind: str

    @property
    def is_too_narrow(self) -> bool:
        """Whether n is so small that the interval's coverage is below its nominal level."""
        return 1 < self.n < ENOUGH
