"""Training: one loop that takes all members of a Population from initial to best weights.

The members advance in lockstep, one update each. On a CPU each member is computed alone, so that its numbers
are the same bits whoever its neighbours are; on a GPU all members are computed together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from bench import whole_step
from bench.cells.base import State
from bench.data import Batch, Ragged, evaluation_batches, stack, training_batches
from bench.errors import DivergedError
from bench.evaluation import Machine, evaluate, to_device
from bench.initialisation import initial_row
from bench.kernels import Fused
from bench.member import Member
from bench.model import Shape, forward, zero_state
from bench.noise import dropout, with_input_noise, with_weight_noise
from bench.optim import FusedOptimiser, Schedule, TorchOptimiser
from bench.records import Run
from bench.tasks.base import Split, Task

Watch = Callable[[Sequence[Member]], None]
"""Sees the members after each round of updates; it may end one by its status, and all by an exception."""


def fit(
    members: Sequence[Member], shape: Shape, task: Task, validation: Split, machine: Machine, watch: Watch
) -> Iterator[Member]:
    """Train members of equal shape, yielding each as soon as it has ended, with its best weights by validation loss.

    A member that is finished or has diverged leaves; the others go on.
    """
    _rehearse(members, shape, task, machine)
    batches = list(evaluation_batches(validation, tracks=task.tracks, dtype=machine.dtype))
    active = list(members)
    while active:
        for group in _groups(active, machine):
            update(group, shape, task, machine)
            _evaluate_and_stop([member for member in group if member.status is None], shape, task, batches, machine)
        watch(active)
        yield from (member for member in active if member.status is not None)
        active = [member for member in active if member.status is None]


def member_of(run: Run, shape: Shape, task: Task, machine: Machine) -> Member:
    """Return the member of a Run before its first update."""
    row = initial_row(shape, run.init, seed=run.seed, output_bias=task.output_bias(), dtype=machine.dtype)
    row = row.to(machine.device)
    settings = run.train
    batches = training_batches(
        task, seed=run.seed, batch_size=settings.batch_size, window=settings.window, dtype=machine.dtype
    )
    rule = FusedOptimiser if isinstance(machine.kernel, Fused) else TorchOptimiser
    return Member(run, row, batches, rule(row, run.optim, settings.clip_norm), Schedule(run.optim))


def _groups(members: Sequence[Member], machine: Machine) -> Iterator[Sequence[Member]]:
    """Yield the members that are computed together."""
    yield from [members] if machine.is_joint else ([member] for member in members)


def _rehearse(members: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> None:
    """Compute the first gradient and throw it away, so that no clock counts what a process does but once."""
    for group in _groups(members, machine):
        _gradients(group, _next_batch(group, machine), shape, task, machine)


def update(group: Sequence[Member], shape: Shape, task: Task, machine: Machine) -> None:
    """Take one optimiser step in each member; a member whose loss or gradient is not finite ends as diverged."""
    started = time.perf_counter()
    batch = _next_batch(group, machine)
    loaded = time.perf_counter()
    nats, last, grads = _gradients(group, batch, shape, task, machine)
    for k, member in enumerate(group):
        member.state = tuple(tuple(part[k : k + 1].detach() for part in layer) for layer in last)
        try:
            member.step(float(nats[k]), batch.n_units[k], grads[k])
        except DivergedError as error:
            member.status, member.reason = "diverged", str(error)
    trained = time.perf_counter()
    for k, member in enumerate(group):
        member.clock.data += (loaded - started) / len(group)
        member.clock.train += (trained - loaded) / len(group)
        member.clock.units += batch.n_units[k]


def _gradients(
    group: Sequence[Member], batch: Batch | Ragged, shape: Shape, task: Task, machine: Machine
) -> tuple[Tensor, tuple[State, ...], Tensor]:
    """Return each member's loss in nats (K,), the last states, and the gradients (K, P) of its mean loss."""
    noisy = [with_weight_noise(member.row, shape, member.run, member.n_updates) for member in group]
    rows = torch.stack(noisy) if len(noisy) > 1 else noisy[0].unsqueeze(0)
    drop = dropout([member.run for member in group], group[0].n_updates, batch.extents)
    if isinstance(machine.kernel, Fused):
        carried = _initial_state(group, shape, batch, rows) if isinstance(batch, Batch) else ()
        return whole_step.gradients(rows, shape, task.head, batch, carried, drop)
    batch = batch.padded(machine.dtype) if isinstance(batch, Ragged) else batch
    state = _initial_state(group, shape, batch, rows)
    leaves = {name: view.detach().requires_grad_() for name, view in shape.views(rows).items()}
    logits, last = forward(shape, leaves, batch.inputs, state, machine.kernel, drop)
    nats = task.nats(logits, batch.targets, batch.mask)  # (K,)
    (nats / nats.new_tensor(batch.n_units)).sum().backward()
    return nats.detach(), last, _gathered(shape, leaves, rows)


def _evaluate_and_stop(
    group: Sequence[Member], shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> None:
    """Evaluate the members that are due, keep their best weights, and end those whose budget is spent."""
    due = [member for member in group if member.is_evaluation_due]
    if not due:
        return
    started = time.perf_counter()
    scores = evaluate(torch.stack([member.row for member in due]), shape, task, batches, machine)
    seconds = (time.perf_counter() - started) / len(due)
    for member, score in zip(due, scores, strict=True):
        member.clock.evaluation += seconds
        member.take_note(score["nats"])
        member.stop_if_over()


def _next_batch(group: Sequence[Member], machine: Machine) -> Batch | Ragged:
    """Return the next training batch of each member, joined, on the device, with input noise."""
    batches = []
    for member in group:
        place = member.epoch, member.n_updates % member.batches.n_per_epoch
        if isinstance(machine.kernel, Fused) and len(group) == 1 and not member.run.train.input_noise:
            ragged = member.batches.ragged(*place)
            if ragged is not None:
                return ragged
        batches.append(with_input_noise(member.batches.batch(*place), member.run, member.n_updates))
    return to_device(stack(batches), machine.device)


def _gathered(shape: Shape, leaves: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Return the leaves' gradients as rows (K, P), zero in the gaps."""
    grads = torch.zeros_like(rows)
    for name, view in shape.views(grads).items():
        gradient = leaves[name].grad
        if gradient is not None:
            view.copy_(gradient)
    return grads


def _initial_state(group: Sequence[Member], shape: Shape, batch: Batch, rows: Tensor) -> tuple[State, ...]:
    if not batch.is_carried:
        return zero_state(shape, len(group), batch.mask.shape[1], rows)
    layers = zip(*(member.state for member in group), strict=True)
    return tuple(tuple(torch.cat(parts) for parts in zip(*layer, strict=True)) for layer in layers)
