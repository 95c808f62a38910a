"""Hidden sizes for a budget of training time: each found once by timing, and read from disk when a sweep continues."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import results
from bench.core import memory
from bench.core.errors import DataError, UsageError
from bench.core.settings import InitSettings, OptimSettings, SizeSettings, TrainSettings
from bench.results import TimedSize
from bench.results.provenance import provenance
from bench.results.run import Run
from bench.sweep.size import LARGEST_WIDTH, SIZES_AT_ONCE, budget_of, solve_for_seconds
from bench.tasks import Task
from bench.training.joint import Joint
from bench.training.loop import Alone, machine_for, member_of, schedule_of, threads
from bench.training.member import Clock, Member
from bench.training.model import Shape

TIMED_LR = 1e-6
"""A rate at which nothing can diverge while it is timed."""


class TimedSizes:
    """The hidden sizes of one command; all Runs that train equally fast share one."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._by_key: dict[str, TimedSize] = {}

    def hidden_size(self, run: Run, task: Task, shape_of: Callable[[int], Shape], directory: Path) -> int:
        """Return the hidden size of a Run: kept in the results directory, or found by timing now; nothing is written.

        Raises ConfigError where there is none for its budget.
        """
        timed = stand_in(run)
        if timed.key not in self._by_key:
            self._by_key[timed.key] = self._stored(timed, directory) or _timed(timed, task, shape_of, self._announce)
        return self._by_key[timed.key].hidden_size

    def timed_size(self, run: Run) -> TimedSize | None:
        """Return the measurement for a Run, None if its size was not requested here or is not found by timing."""
        return self._by_key.get(stand_in(run).key) if run.size.mode == "seconds" else None

    def _stored(self, timed: Run, directory: Path) -> TimedSize | None:
        try:
            return results.find_size(directory, timed)
        except DataError as error:
            self._announce(f"damaged: {error}; the hidden size is timed again")
            return None


def stand_in(run: Run) -> Run:
    """Return the Run that is timed for all that train as fast as this one.

    Seed, phase, initial weights, rates and budgets take no time; for noise, momentum and the like it matters only
    whether they are zero.
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
            clip_velocity=_some(optim.clip_velocity),
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
        return size <= LARGEST_WIDTH and SIZES_AT_ONCE * shape_of(size).training_bytes <= there

    hidden_size, us = solve_for_seconds(timed, run.size, fits=fits)
    kernel = machine_for(run, shape_of(hidden_size)).kernel.name
    cpu = provenance(device=run.device, threads=1).cpu
    return TimedSize(run, hidden_size, us, kernel, cpu)


def _some(amount: float) -> float:
    """Return the same value for every amount but zero."""
    return 0.5 if amount else 0.0


ROUNDS = 5


TURN_SECONDS = 0.05
"""Approximate training time of a size in each round, if a unit takes as long as expected."""


@dataclass(frozen=True)
class Trainee:
    """A model in training whose updates are timed."""

    member: Member
    schedule: Alone | Joint
    now: Callable[[], float]

    def us_per_unit(self, n_updates: int) -> float:
        """Take some updates and return the microseconds of forward, backward and update that a unit took."""
        now = self.now
        self.member.clock, started = Clock(), now()
        end = self.member.n_updates + n_updates
        while self.member.n_updates < end and self.member.status is None:
            for _ in self.schedule.advance(most=end - self.member.n_updates):
                pass
        seconds, clock = now() - started, self.member.clock
        if self.member.status is not None:
            raise UsageError(f"training {self.member.run.label} to time it failed: {self.member.reason}")
        return 1e6 * seconds * clock.train / (clock.train + clock.data) / clock.units


def us_per_unit(run: Run, shapes: Sequence[Shape], task: Task, *, expected: float) -> list[float]:
    """Return the median microseconds of training for a unit with each shape, over rounds that go A B C, A B C.

    In each round every shape has the same updates, as many as fill a turn at the expected time; the first round warms
    up and is not counted. One thread, as worker processes have it. Processor time is counted, so that other
    programs matter less; on a GPU, where the model is trained alone, wall-clock time.
    """
    with threads(1):
        trainees = [_trainee(replace(run, hidden_size=shape.hidden_size), shape, task) for shape in shapes]
        n_updates = _n_updates(trainees[0], task, expected)
        rounds = [[trainee.us_per_unit(n_updates) for trainee in trainees] for _ in range(1 + ROUNDS)]
    return [statistics.median(found) for found in zip(*rounds[1:], strict=True)]


def _trainee(run: Run, shape: Shape, task: Task) -> Trainee:
    machine = machine_for(run, shape)
    member = member_of(run, shape, task, machine)
    return Trainee(member, schedule_of([member], shape, task, machine), machine.clock)


def _n_updates(trainee: Trainee, task: Task, expected: float) -> int:
    """Return how many updates fill a turn, by the expected time or by that of one update where it takes longer."""
    units = task.train.n_units / trainee.member.batches.n_per_epoch
    us_per_update = max(expected, trainee.us_per_unit(1)) * units
    return math.ceil(TURN_SECONDS * 1e6 / us_per_update)
