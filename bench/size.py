"""Solve for the hidden size that meets a parameter budget, counted on the model's own weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

from bench.errors import ConfigError
from bench.model import Shape
from bench.settings import SizeSettings

LARGEST = 1 << 20


def solve_hidden_size(shape_of: Callable[[int], Shape], settings: SizeSettings) -> int:
    """Return the hidden size whose parameter count is nearest to the budget, the smaller of two equally near.

    Raises ConfigError when even one unit is over twice the budget.
    """
    return _solved(shape_of(1), settings)


@cache
def _solved(shape: Shape, settings: SizeSettings) -> int:
    """Solve for the hidden size of a shape given with one unit; Runs of one shape share the answer."""
    budget = settings.num_params
    if budget is None:
        raise ConfigError("size.num_params", "is required with `size=params`, and not given")

    def count(hidden_size: int) -> int:
        return replace(shape, hidden_size=hidden_size).num_params()[settings.count]

    low, high = 1, LARGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    best = min((low, high), key=lambda size: (abs(count(size) - budget), size))
    if count(best) > 2 * budget:
        raise ConfigError(
            "size.num_params",
            f"one unit already has {count(1)} {settings.count} parameters, got a budget of {budget}",
        )
    return best
