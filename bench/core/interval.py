"""An interval, as every table and sentence shows it; how one is estimated is the business of `bench.stats`."""

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
        """Whether so few values went in that the interval covers the true mean less often than it says."""
        return 1 < self.n < ENOUGH
