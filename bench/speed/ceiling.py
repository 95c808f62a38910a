"""The ceiling: how fast one core multiplies square float32 matrices, by the better of torch's two libraries.

Both are measured because they differ by machine: on an AMD processor with AVX-512 torch.mm (MKL) reached 108 GFLOP/s
and oneDNN, in which torch.nn.LSTM runs, 240; against the former alone, kernels would stand above the ceiling.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.functional import linear

from bench.speed.timing import ClockName, repeats, seconds_per_step

SIZES = (256, 384, 512, 768, 1024)
TURNS = 7
TURN_SECONDS = 0.01


@dataclass(frozen=True)
class Ceiling:
    """Floating-point operations per second: medians over sizes; `onednn` is 0 where torch was built without it."""

    mm: float
    onednn: float

    @property
    def best(self) -> float:
        """The faster of the two, to which fractions of the ceiling refer."""
        return max(self.mm, self.onednn)


def measured_ceiling(clock: ClockName) -> Ceiling:
    """Measure the ceiling."""
    has_onednn = torch.backends.mkldnn.is_available()
    return Ceiling(_rate(_mm, clock), _rate(_onednn, clock) if has_onednn else 0.0)


def _rate(prepare: Callable[[int], Callable[[], None]], clock: ClockName) -> float:
    return statistics.median(_rate_at(size, prepare(size), clock) for size in SIZES)


def _rate_at(size: int, multiply: Callable[[], None], clock: ClockName) -> float:
    count = repeats(multiply, clock, TURN_SECONDS)
    return 2 * size**3 / statistics.median(seconds_per_step(multiply, count, clock) for _ in range(TURNS))


def _mm(size: int) -> Callable[[], None]:
    left, right, out = torch.ones(size, size), torch.ones(size, size), torch.empty(size, size)

    def multiply() -> None:
        torch.mm(left, right, out=out)

    return multiply


def _onednn(size: int) -> Callable[[], None]:
    left, right = (torch.ones(size, size).to_mkldnn() for _ in range(2))

    def multiply() -> None:
        linear(left, right)

    return multiply
