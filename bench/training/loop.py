"""Training: one loop that takes all members of a Population from initial to best weights.

The members advance by one of two schedules: on a CPU each is computed alone, so that its numbers are the same bits
whatever its neighbours are, and takes all updates to its next event at once; on a GPU all members are computed
together, one update each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch

from bench import kernels
from bench.kernels import Fused
from bench.kernels.fused.interface import library
from bench.results.run import Run
from bench.tasks.base import Split, Task, blind_nats
from bench.tasks.subset import subset
from bench.training.batches import training_batches
from bench.training.evaluation import Machine
from bench.training.fused_updates import FusedUpdates
from bench.training.initial import initial_row
from bench.training.joint import Joint
from bench.training.member import Member
from bench.training.model import Shape
from bench.training.optim import FusedOptimiser, Optimiser, Schedule, TorchOptimiser
from bench.training.torch_updates import TorchUpdates
from bench.training.validation import Validation

Watch = Callable[[Sequence[Member]], None]
"""Called with the members after each advance; may end one by setting its status, all by an exception."""


def fit(
    members: Sequence[Member], shape: Shape, task: Task, validation: Split, machine: Machine, watch: Watch
) -> Iterator[Member]:
    """Train members of equal shape, yielding each as soon as it has ended, with its best weights by validation loss.

    A member that is finished or has diverged leaves; the others continue.
    """
    schedule = schedule_of(members, shape, task, machine)
    on_split = Validation(validation, shape, task, machine)
    active = list(members)
    while active:
        update_and_evaluate(schedule, on_split, machine)
        watch(active)
        yield from (member for member in active if member.status is not None)
        active = [member for member in active if member.status is None]


def update_and_evaluate(schedule: Alone | Joint, validation: Validation, machine: Machine) -> None:
    """Advance each member, evaluate those that are due, and end those whose budget is spent."""
    for group in schedule.advance():
        _evaluate_and_stop([member for member in group if member.status is None], validation, machine)


def machine_for(run: Run, shape: Shape) -> Machine:
    """Return kernel, device and number type of a Run. Raises ConfigError if its kernel does not support them.

    From here on this thread treats denormal numbers as zero: gradients fade into them over long sequences, where a
    processor is several times slower, and a cell that forgets faster would look like a slower cell.
    """
    torch.set_flush_denormal(True)
    device, dtype = torch.device(run.device), torch.float32
    kernel = kernels.choose(run.kernel, shape.cell, device, dtype)
    return Machine(kernel, device, dtype, is_joint=device.type == "cuda")


@contextmanager
def threads(n: int) -> Iterator[None]:
    """Compute with this number of threads, and restore the number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def schedule_of(members: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> Alone | Joint:
    """Return what advances the members."""
    return (Joint if machine.is_joint else Alone)(members, shape, task, machine)


SLICE_SECONDS = 0.05
"""Between two looks at the clock, at signals and at limits the members take updates for about so long, all together."""


class Alone:
    """Advances members one after another: to each one's next event, or for a slice of time if that is further away."""

    def __init__(self, members: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> None:
        self._kind = FusedUpdates if isinstance(machine.kernel, Fused) else TorchUpdates
        self.updates = [self._kind(member, shape, task, machine) for member in members]
        self._warm_up(shape, task, machine)

    def advance(self, most: int | None = None) -> Iterator[Sequence[Member]]:
        """Take updates in each member that has not ended, `most` at most, yielding each when it has."""
        active = [updates for updates in self.updates if updates.member.status is None]
        for updates in active:
            n = updates.member.n_until_event
            updates.take(n if most is None else min(n, most), SLICE_SECONDS / len(active))
            yield [updates.member]

    def _warm_up(self, shape: Shape, task: Task, machine: Machine) -> None:
        """Take an update of a stand-in: no clock is to count what is done but once in a process."""
        for updates in self.updates[:1]:
            stand_in = member_of(updates.member.run, shape, task, machine)
            self._kind(stand_in, shape, task, machine).take(1, 0.0)


def member_of(run: Run, shape: Shape, task: Task, machine: Machine) -> Member:
    """Return the member of a Run before its first update, which sees only its fraction of the training data."""
    task = subset(task, run.train.fraction, run.seed)
    row = initial_row(shape, run.init, seed=run.seed, output_bias=task.output_bias(), dtype=machine.dtype)
    row = row.to(machine.device)
    settings = run.train
    batches = training_batches(
        task, seed=run.seed, batch_size=settings.batch_size, window=settings.window, dtype=machine.dtype
    )
    if isinstance(machine.kernel, Fused):
        optimiser: Optimiser = FusedOptimiser(row, run.optim, settings.clip_norm, library(shape.cell, row.dtype))
    else:
        optimiser = TorchOptimiser(row, run.optim, settings.clip_norm)
    return Member(run, row, batches, optimiser, Schedule(run.optim), blind_nats(task))


def _evaluate_and_stop(group: Sequence[Member], validation: Validation, machine: Machine) -> None:
    """Evaluate the members that are due, keep their best weights, and end those whose budget is spent."""
    due = [member for member in group if member.is_evaluation_due]
    if not due:
        return
    started = machine.clock()
    nats = validation.nats(due)
    seconds = (machine.clock() - started) / len(due)
    for member, its in zip(due, nats, strict=True):
        member.clock.evaluation += seconds
        member.record_evaluation(its)
        member.stop_if_over()
