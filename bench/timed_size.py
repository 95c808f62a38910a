"""Hidden sizes for a budget of training time: each found once by timing, and found again when a sweep goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from bench import memory, store
from bench.errors import DataError
from bench.model import Shape
from bench.provenance import provenance
from bench.records import Run
from bench.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.size import LARGEST_WIDTH, SIZES_AT_ONCE, budget_of, solve_for_seconds
from bench.speed.training import us_per_unit
from bench.store import TimedSize
from bench.tasks import Task
from bench.train import machine_for

TIMED_LR = 1e-6
"""A rate at which nothing can diverge while it is timed."""


class TimedSizes:
    """The hidden sizes of one command; all Runs that train equally fast share one."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._found: dict[str, TimedSize] = {}

    def hidden_size(self, run: Run, task: Task, shape_of: Callable[[int], Shape], directory: Path) -> int:
        """Return the hidden size of a Run: kept in the results directory, or found by timing now; nothing is written.

        Raises ConfigError where there is none for its budget.
        """
        timed = stand_in(run)
        if timed.key not in self._found:
            self._found[timed.key] = self._kept(timed, directory) or _timed(timed, task, shape_of, self._announce)
        return self._found[timed.key].hidden_size

    def found(self, run: Run) -> TimedSize | None:
        """Return what was found for a Run, None where its size was not asked for here, or is not one to be timed."""
        return self._found.get(stand_in(run).key) if run.size.mode == "seconds" else None

    def _kept(self, timed: Run, directory: Path) -> TimedSize | None:
        try:
            return store.find_size(directory, timed)
        except DataError as error:
            self._announce(f"damaged: {error}; the hidden size is timed anew")
            return None


def stand_in(run: Run) -> Run:
    """Return the Run that is timed for all that train as fast as this one.

    Seed, phase, initial weights, rates and budgets take no time; of noise, momentum and the like it matters whether
    they are there, and not how much of them.
    """
    train, optim = run.train, run.optim
    return replace(
        run,
        hidden_size=1,
        size=SizeSettings("seconds", us_per_unit=run.size.us_per_unit),
        init=InitSettings("torch"),
        optim=OptimSettings(
            name=optim.name,
            lr=TIMED_LR,
            momentum=_some(optim.momentum),
            nesterov=optim.nesterov and optim.momentum > 0,
            weight_decay=_some(optim.weight_decay),
        ),
        train=TrainSettings(
            max_epochs=1,
            batch_size=train.batch_size,
            window=train.window,
            clip_norm=_some(train.clip_norm),
            weight_noise=_some(train.weight_noise),
            input_noise=_some(train.input_noise),
            dropout=_some(train.dropout),
            input_dropout=_some(train.input_dropout),
            output_dropout=_some(train.output_dropout),
        ),
        seed=0,
        phase="tune",
    )


def _timed(run: Run, task: Task, shape_of: Callable[[int], Shape], announce: Callable[[str], None]) -> TimedSize:
    budget = budget_of(run.size)
    announce(f"{run.task_name} {run.cell_name}: timing the training of several hidden sizes")

    def timed(sizes: Sequence[int]) -> list[float]:
        return us_per_unit(run, [shape_of(size) for size in sizes], task, expected=budget)

    def fits(size: int) -> bool:
        there = memory.total_bytes()
        return size <= LARGEST_WIDTH and (not there or SIZES_AT_ONCE * shape_of(size).training_bytes <= there)

    hidden_size, us = solve_for_seconds(timed, run.size, fits=fits)
    kernel = machine_for(run, shape_of(hidden_size)).kernel.name
    cpu = provenance(device=run.device, threads=1).cpu
    return TimedSize(run, hidden_size, us, kernel, cpu)


def _some(amount: float) -> float:
    """Return one amount for all that are not zero."""
    return 0.5 if amount else 0.0
