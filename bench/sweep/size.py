"""Solve for the hidden size that meets a budget: counted on the model's own weights, or measured in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from statistics import linear_regression

from bench.core.errors import ConfigError
from bench.core.settings import SIZE_BUDGETS, SizeSettings
from bench.training.model import Shape

LARGEST_WIDTH = 1_000_000
"""Most units of a layer that a Run may have."""

TOLERANCE = 0.05
"""Largest relative distance to the budget of the count of a hidden size that is given and not solved for."""

WINDOW = 0.1
"""Half-width, relative to the current answer, of the window of sizes timed for the next one."""

LEAST_WINDOW = 2
SIZES_AT_ONCE = 5
MOST_FITS = 4

Timed = Callable[[Sequence[int]], Sequence[float]]
"""Microseconds of training for a unit at each of some hidden sizes, measured in turns."""


def solve_hidden_size(shape_of: Callable[[int], Shape], settings: SizeSettings) -> int:
    """Return the hidden size whose count is nearest to the budget, the smaller of two equally near.

    Raises ConfigError when even one unit is over twice the budget.
    """
    return _solved(shape_of(1), settings)


def check_within_budget(shape: Shape, settings: SizeSettings) -> None:
    """Refuse, by ConfigError, a given hidden size whose count is not near the budget."""
    budget, found = budget_of(settings), count(shape, settings)
    if abs(found / budget - 1) > TOLERANCE:
        left = f"{found / budget - 1:+.0%} of the budget of {budget:,}"
        allowed = f"allowed is {TOLERANCE:.0%}, or leave it out to have it solved for"
        raise ConfigError("hidden_size", f"{shape.hidden_size} {_amount_in_words(settings, found)}, {left}; {allowed}")


def count(shape: Shape, settings: SizeSettings) -> int:
    """Return how much of its budget a shape uses: parameters or operations of the counted part."""
    counts = shape.num_flops() if settings.mode == "flops" else shape.num_params()
    return counts[settings.count]


def solve_for_seconds(
    timed: Timed, settings: SizeSettings, *, fits: Callable[[int], bool] = lambda hidden_size: True
) -> tuple[int, float]:
    """Return the hidden size whose training takes the time nearest to the budget, and the time that it takes.

    The answer is from a fit over a few sizes around it, its time from a measurement of its own, on which the choice
    does not rest. Raises ConfigError when even one unit takes over twice the budget, or when the largest size that
    `fits`, up to a factor of two, takes less.
    """
    budget = budget_of(settings)
    low, high = _bracket(timed, settings, fits)
    best = _fitted(timed, _spread(low, high), budget) if high > low else low
    for _ in range(MOST_FITS if high > low else 0):
        reach = max(LEAST_WINDOW, round(WINDOW * best))
        sizes = _spread(max(1, best - reach), best + reach)
        best = _fitted(timed, sizes, budget)
        if (sizes[0] < best or best == 1) and best < sizes[-1]:
            break
    (us_per_unit,) = timed([best])
    return best, us_per_unit


@cache
def _solved(shape: Shape, settings: SizeSettings) -> int:
    """Solve for the hidden size of a shape given with one unit; Runs of one shape share the answer."""
    budget = budget_of(settings)

    def count_at(hidden_size: int) -> int:
        return count(replace(shape, hidden_size=hidden_size), settings)

    low, high = 1, LARGEST_WIDTH
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count_at(middle) <= budget else (low, middle)
    best = min((low, high), key=lambda size: (abs(count_at(size) - budget), size))
    if count_at(best) > 2 * budget:
        raise _too_small(settings, _amount_in_words(settings, count_at(1)))
    return best


def budget_of(settings: SizeSettings) -> float:
    """Return what the hidden size is solved for. Raises ConfigError if it is not given."""
    if settings.budget is None:
        where = f"size.{SIZE_BUDGETS[settings.mode]}"
        raise ConfigError(where, f"is required with `size={settings.mode}`; got none")
    return settings.budget


def _amount_in_words(settings: SizeSettings, found: int) -> str:
    what = "takes {:,} {} operations" if settings.mode == "flops" else "has {:,} {} parameters"
    return what.format(found, settings.count)


def _too_small(settings: SizeSettings, what: str) -> ConfigError:
    name = SIZE_BUDGETS[settings.mode]
    return ConfigError(f"size.{name}", f"one unit already {what}, got a budget of {settings.budget:,}")


def _bracket(timed: Timed, settings: SizeSettings, fits: Callable[[int], bool]) -> tuple[int, int]:
    """Return a size that takes less than the budget and one twice as large that does not, or 1 and 1."""
    budget = budget_of(settings)
    (us_per_unit,) = timed([1])
    if us_per_unit > 2 * budget:
        raise _too_small(settings, f"takes {us_per_unit:.3g} microseconds")
    high = 1
    while us_per_unit < budget:
        if not fits(2 * high):
            problem = f"the largest model that can be timed here takes {us_per_unit:.3g} microseconds, got {budget:g}"
            raise ConfigError("size.us_per_unit", f"{problem}; that one has {high:,} units")
        high *= 2
        (us_per_unit,) = timed([high])
    return max(1, high // 2), high


def _spread(low: int, high: int) -> list[int]:
    """Return a few sizes evenly from low to high, both included."""
    n = min(SIZES_AT_ONCE, high - low + 1)
    return [low + round(i * (high - low) / (n - 1)) for i in range(n)]


def _fitted(timed: Timed, sizes: Sequence[int], budget: float) -> int:
    """Return the size among and between those given that takes the time nearest to the budget, by a power law.

    Where time does not grow with size, because it is all overhead, it is the one of them that was measured nearest.
    """
    times = timed(sizes)
    slope, offset = linear_regression([math.log(size) for size in sizes], [math.log(us) for us in times])
    if slope <= 0:
        return min(zip(sizes, times, strict=True), key=lambda each: abs(each[1] - budget))[0]

    def missed_by(size: int) -> float:
        return abs(math.exp(offset + slope * math.log(size)) - budget)

    crossing = min(max((math.log(budget) - offset) / slope, math.log(sizes[0])), math.log(sizes[-1]))
    below = max(math.floor(math.exp(crossing)), sizes[0])
    return min((below, min(below + 1, sizes[-1])), key=missed_by)
