"""How often the intervals of ratios and of times cover, over simulated sets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bench.core.interval import Interval
from bench.stats.ratio import median_of_ratios, ratio_of_medians
from bench.stats.survival import Times, restricted_mean_difference

N = 10


def _speeds(draw: np.random.Generator) -> list[list[float]]:
    """Return seconds of two equal sides that share slow rounds."""
    round_ = 0.1 * draw.normal(size=N)
    return [list(np.exp(round_ + 0.1 * draw.normal(size=N))) for _ in range(2)]


def _times(draw: np.random.Generator, lost: float) -> Times:
    """Return exponential times watched until 2, a share of the runs lost from sight before, yet not the last one."""
    while True:
        times, watched = draw.exponential(size=N), np.where(draw.random(N) < lost, draw.uniform(0.2, 2, N), 2.0)
        durations, is_reached = np.minimum(times, watched), times <= watched
        if durations.max() == 2 or is_reached[durations.argmax()]:
            return Times(tuple(durations.tolist()), tuple(is_reached.tolist()))


def _restricted(draw: np.random.Generator, lost: float) -> Interval:
    return restricted_mean_difference(_times(draw, lost), _times(draw, lost), 2.0)


OTHERS: dict[str, tuple[float, Callable[[np.random.Generator, int], Interval]]] = {
    "ratio of medians": (1.0, lambda draw, seed: ratio_of_medians(*_speeds(draw), seed=seed)),
    "median of ratios": (1.0, lambda draw, seed: median_of_ratios(*_speeds(draw), seed=seed)),
    "restricted mean, none lost": (0.0, lambda draw, seed: _restricted(draw, 0.0)),
    "restricted mean, 3 of 10 lost": (0.0, lambda draw, seed: _restricted(draw, 0.3)),
}
"""The true number and what estimates it, from a fresh set at each call."""


def hits(name: str, n_sets: int) -> int:
    """Return how many 95 % intervals hold the true number."""
    truth, interval_of = OTHERS[name]
    draw = np.random.default_rng(list(OTHERS).index(name))
    intervals = [interval_of(draw, seed) for seed in range(n_sets)]
    return sum(interval.low <= truth <= interval.high for interval in intervals)


def others(n_sets: int) -> list[dict[str, float | str]]:
    """Return the coverage of each of the other intervals."""
    return [{"interval": name, "sets": n_sets, "coverage": hits(name, n_sets) / n_sets} for name in OTHERS]
