"""Training timed at several hidden sizes in turns: the module, kernel, data and batches that a Run has."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench.errors import UsageError
from bench.joint import Joint
from bench.member import Clock, Member
from bench.model import Shape
from bench.records import Run
from bench.speed.timing import CLOCKS
from bench.tasks import Task
from bench.train import Alone, machine_for, member_of, schedule_of, threads

ROUNDS = 5
TURN_SECONDS = 0.05
"""How long a size is trained in each round, about, where a unit takes as long as it should."""


@dataclass(frozen=True)
class Trainee:
    """A model that is trained for a while."""

    member: Member
    schedule: Alone | Joint

    def us_per_unit(self, n_updates: int) -> float:
        """Take some updates and return the microseconds of forward, backward and update that a unit took."""
        now = CLOCKS["process" if self.member.run.device == "cpu" else "wall"]
        self.member.clock, started = Clock(), now()
        for _ in range(n_updates):
            for _ in self.schedule.advance():
                pass
        seconds, clock = now() - started, self.member.clock
        if self.member.status is not None:
            raise UsageError(f"training {self.member.run.label} to time it came to nothing: {self.member.reason}")
        return 1e6 * seconds * clock.train / (clock.train + clock.data) / clock.units


def us_per_unit(run: Run, shapes: Sequence[Shape], task: Task, *, expected: float) -> list[float]:
    """Return the median microseconds of training for a unit with each shape, over rounds that go A B C, A B C.

    In each round every shape has the same updates, as many as fill a turn at the expected time; the first round warms
    up and is not counted. One thread, as worker processes have it. Counted are the processor's seconds, so that what
    else the machine does is of less matter; on a GPU, where the model is trained alone, those of the wall.
    """
    with threads(1):
        trainees = [_trainee(replace(run, hidden_size=shape.hidden_size), shape, task) for shape in shapes]
        n_updates = _n_updates(trainees[0], task, expected)
        rounds = [[trainee.us_per_unit(n_updates) for trainee in trainees] for _ in range(1 + ROUNDS)]
    return [statistics.median(found) for found in zip(*rounds[1:], strict=True)]


def _trainee(run: Run, shape: Shape, task: Task) -> Trainee:
    machine = machine_for(run, shape)
    member = member_of(run, shape, task, machine)
    return Trainee(member, schedule_of([member], shape, task, machine))


def _n_updates(trainee: Trainee, task: Task, expected: float) -> int:
    """Return how many updates fill a turn, by the expected time or by that of one update where it takes longer."""
    units = task.train.n_units / trainee.member.batches.n_per_epoch
    us_per_update = max(expected, trainee.us_per_unit(1)) * units
    return math.ceil(TURN_SECONDS * 1e6 / us_per_update)
