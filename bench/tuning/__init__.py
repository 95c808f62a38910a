"""Tuning: each cell with the same budget before it is compared; the best trial of each confirmed on fresh seeds."""

from __future__ import annotations

from bench.tuning.stages import stages

__all__ = ["stages"]
