"""Timing: one pinned core, one thread, contenders in turns, ratios of the two times of one round."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch

ClockName = Literal["process", "wall"]

CLOCKS: dict[ClockName, Callable[[], float]] = {"process": time.process_time, "wall": time.perf_counter}
"""`process` counts the processor's seconds in this process, all threads: not what other jobs take from the core, though
they still cost it cache and bandwidth. `wall` counts what a waiting user counts."""

TURN_SECONDS = 0.25
"""Least time for which a contender is repeated in each round."""


@dataclass(frozen=True)
class Spread:
    """A median with its quartiles."""

    median: float
    low: float
    high: float

    @property
    def quartiles(self) -> tuple[float, float]:
        """The lower and the upper quartile."""
        return self.low, self.high


def spread(values: Sequence[float]) -> Spread:
    """Return the median and the quartiles of some values; one value is its own quartiles."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return Spread(median, low, high)


def paired(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Return the spread of the ratios within each round."""
    return spread([left / right for left, right in zip(numerators, denominators, strict=True)])


@contextmanager
def one_core() -> Iterator[int | None]:
    """Run on one core with one thread, and yield the core (None where the system cannot pin)."""
    threads = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    core = max(allowed, default=None)
    try:
        torch.set_num_threads(1)
        if core is not None:
            os.sched_setaffinity(0, {core})
        yield core
    finally:
        torch.set_num_threads(threads)
        if core is not None:
            os.sched_setaffinity(0, allowed)


def interleaved(
    steps: Sequence[Callable[[], None]],
    *,
    rounds: int,
    clock: ClockName,
    turn_seconds: float,
    watch: Callable[[], object],
) -> list[list[float]]:
    """Return the seconds per step of each contender in each round, after one step and a timed one to warm up.

    Rounds go A B C, A B C, ...; `watch` is called after every turn.
    """
    counts = [repeats(step, clock, turn_seconds) for step in steps]
    seconds: list[list[float]] = [[] for _ in steps]
    for _ in range(rounds):
        for step, count, found in zip(steps, counts, seconds, strict=True):
            found.append(seconds_per_step(step, count, clock))
            watch()
    return seconds


def repeats(step: Callable[[], None], clock: ClockName, turn_seconds: float) -> int:
    """Return how often to repeat a step to fill a turn; the first two steps warm up."""
    step()
    return max(1, round(turn_seconds / max(seconds_per_step(step, 1, clock), 1e-9)))


def seconds_per_step(step: Callable[[], None], count: int, clock: ClockName) -> float:
    """Return the mean seconds of a step over `count` repetitions."""
    now = CLOCKS[clock]
    started = now()
    for _ in range(count):
        step()
    return (now() - started) / count
