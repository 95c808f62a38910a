"""Training: one loop that takes all members of a Population from initial to best weights.

The members advance in lockstep, one update each, by one of two schedules: on a CPU each member is computed alone, so
that its numbers are the same bits whatever its neighbours are; on a GPU all members are computed together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from bench import kernels
from bench.cells.base import State
from bench.core.errors import DivergedError
from bench.kernels import Fused
from bench.kernels.fused.interface import library
from bench.results.run import Run
from bench.tasks.base import Split, Task, blind_nats
from bench.tasks.subset import subset
from bench.training.batches import Batch, Ragged, evaluation_batches, training_batches
from bench.training.evaluation import Machine, evaluate, to_device
from bench.training.gradients import fused_gradients, gradients
from bench.training.initial import initial_row
from bench.training.joint import Joint
from bench.training.member import Member
from bench.training.model import Shape, zero_state
from bench.training.noise import dropout, with_input_noise, with_weight_noise
from bench.training.optim import FusedOptimiser, Optimiser, Schedule, TorchOptimiser

Watch = Callable[[Sequence[Member]], None]
"""Called with the members after each round of updates; may end one by setting its status, all by an exception."""


def fit(
    members: Sequence[Member], shape: Shape, task: Task, validation: Split, machine: Machine, watch: Watch
) -> Iterator[Member]:
    """Train members of equal shape, yielding each as soon as it has ended, with its best weights by validation loss.

    A member that is finished or has diverged leaves; the others continue.
    """
    schedule = schedule_of(members, shape, task, machine)
    split = evaluation_batches(validation, tracks=task.tracks, dtype=machine.dtype)
    batches = [to_device(batch, machine.device) for batch in split]
    active = list(members)
    while active:
        update_and_evaluate(schedule, shape, task, batches, machine)
        watch(active)
        yield from (member for member in active if member.status is not None)
        active = [member for member in active if member.status is None]


def update_and_evaluate(
    schedule: Alone | Joint, shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> None:
    """Take one update in each member, evaluate those that are due, and end those whose budget is spent."""
    for group in schedule.advance():
        _evaluate_and_stop([member for member in group if member.status is None], shape, task, batches, machine)


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
    """Return what advances the members, one update each at a time."""
    return (Joint if machine.is_joint else Alone)(members, shape, task, machine)


class Alone:
    """Advances members one after another."""

    def __init__(self, members: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> None:
        self._members, self._place = members, (shape, task, machine)
        self._warm_up()

    def advance(self) -> Iterator[Sequence[Member]]:
        """Take one update in each member that has not ended, yielding each when it has."""
        for member in self._members:
            if member.status is None:
                update([member], *self._place)
                yield [member]

    def _warm_up(self) -> None:
        """Compute each member's first gradient and drop it: no clock is to count what is done but once in a process."""
        _, _, machine = self._place
        for member in self._members:
            _gradients(member, _next_batch(member, machine), *self._place)


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


def update(members: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> None:
    """Take one optimiser step in each member; a member whose loss or gradient is not finite ends as diverged."""
    clock = machine.clock
    for member in members:
        started = clock()
        batch = _next_batch(member, machine)
        loaded = clock()
        losses, member.state, grads = _gradients(member, batch, shape, task, machine)
        nats, lr = float(losses[0]), member.begin()
        norm = member.optimiser.step(grads[0], lr) if math.isfinite(nats) else math.nan
        try:
            member.add_loss(nats, norm, batch.n_units[0])
        except DivergedError as error:
            member.status, member.reason = "diverged", str(error)
        trained = clock()
        member.clock.data += loaded - started
        member.clock.train += trained - loaded
        member.clock.units += batch.n_units[0]


def _gradients(
    member: Member, batch: Batch | Ragged, shape: Shape, task: Task, machine: Machine
) -> tuple[Tensor, tuple[State, ...], Tensor]:
    """Return a member's loss in nats (1,), the last states, and the gradient (1, P) of its mean loss."""
    rows = with_weight_noise(member.row, shape, member.run, member.n_updates).unsqueeze(0)
    drop = dropout([member.run], member.n_updates, batch.extents)
    if isinstance(machine.kernel, Fused):
        carried = _initial_state(member, shape, batch, rows) if isinstance(batch, Batch) else ()
        return fused_gradients(rows, shape, task.head, batch, carried, drop)
    batch = batch.padded(machine.dtype) if isinstance(batch, Ragged) else batch
    return gradients(
        rows,
        shape,
        task=task,
        seen=(batch.inputs, batch.targets, batch.mask),
        n_units=torch.tensor(batch.n_units, device=machine.device),
        state=_initial_state(member, shape, batch, rows),
        kernel=machine.kernel,
        drop=drop,
    )


def _evaluate_and_stop(
    group: Sequence[Member], shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> None:
    """Evaluate the members that are due, keep their best weights, and end those whose budget is spent."""
    due = [member for member in group if member.is_evaluation_due]
    if not due:
        return
    started = machine.clock()
    scores = evaluate(torch.stack([member.row for member in due]), shape, task, batches, machine)
    seconds = (machine.clock() - started) / len(due)
    for member, score in zip(due, scores, strict=True):
        member.clock.evaluation += seconds
        member.record_evaluation(score["nats"])
        member.stop_if_over()


def _next_batch(member: Member, machine: Machine) -> Batch | Ragged:
    """Return the next training batch of a member, on the device, with input noise."""
    place = member.epoch, member.n_updates % member.batches.n_per_epoch
    if isinstance(machine.kernel, Fused) and not member.run.train.input_noise:
        ragged = member.batches.ragged(*place)
        if ragged is not None:
            return ragged
    return to_device(with_input_noise(member.batches.batch(*place), member.run, member.n_updates), machine.device)


def _initial_state(member: Member, shape: Shape, batch: Batch, rows: Tensor) -> tuple[State, ...]:
    return member.state if batch.is_carried else zero_state(shape, 1, batch.mask.shape[1], rows)
