"""Evaluation: the scores of a Population on a split, with dropout and noise off."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.cells.base import State
from bench.core.typing import Float
from bench.kernels import Fused, Kernel
from bench.results.run import Pieces
from bench.tasks.base import Sums, Task, add
from bench.training.batches import Batch
from bench.training.gradients import fused_totals
from bench.training.model import Shape, forward, zero_state

LOGITS_AT_ONCE = 2**27
"""Largest number of logits computed at once, over a batch of all members: a gigabyte in float64, several times over."""


@dataclass(frozen=True)
class Machine:
    """Kernel, device and number type that a Population is computed with.

    With `is_joint` all members are computed at once, which suits a GPU; otherwise each is computed alone, which suits
    a CPU and keeps a member bit-identical whatever its neighbours are.
    """

    kernel: Kernel
    device: torch.device
    dtype: torch.dtype
    is_joint: bool = False

    @property
    def clock(self) -> Callable[[], float]:
        """Processor time with one thread on a CPU, which other programs do not lengthen, else wall-clock time."""
        is_single = self.device.type == "cpu" and torch.get_num_threads() == 1
        return time.process_time if is_single else time.perf_counter


def evaluate(
    rows: Float[Tensor, "K P"], shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> list[dict[str, float]]:
    """Return the scores of each member on the batches of a split, with dropout and noise off."""
    largest = max(batch.mask.numel() for batch in batches) * task.n_outputs
    parts = rows.split(max(1, LOGITS_AT_ONCE // largest))
    return [scores for part in parts for scores in _evaluate(part, shape, task, batches, machine)]


def evaluate_by_piece(
    row: Float[Tensor, "P"], shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> tuple[dict[str, float], Pieces]:
    """Return the scores of one member, the same bits as `evaluate` gives, and the loss of each piece of the split."""
    nats = [torch.zeros((1, batch.mask.shape[1]), dtype=torch.float64, device=machine.device) for batch in batches]
    (scores,) = _evaluate(row.unsqueeze(0), shape, task, batches, machine, nats)
    n_pieces = 1 + max(piece for batch in batches for piece in batch.pieces)
    losses, units = torch.zeros(n_pieces, dtype=torch.float64), torch.zeros(n_pieces, dtype=torch.int64)
    for batch, found in zip(batches, nats, strict=True):
        pieces = torch.tensor(batch.pieces)
        losses.index_add_(0, pieces, found[0].cpu())
        units.index_add_(0, pieces, batch.mask[0].sum(1).cpu())
    is_there = units > 0
    return scores, Pieces.of(losses[is_there].tolist(), units[is_there].tolist())


def _evaluate(
    rows: Tensor,
    shape: Shape,
    task: Task,
    batches: Sequence[Batch],
    machine: Machine,
    nats: Sequence[Float[Tensor, "K B"]] = (),
) -> list[dict[str, float]]:
    """Return the scores of each member; to `nats`, if given one for each batch, add the loss of each row."""
    sums: Sums = {}
    state: tuple[State, ...] = ()
    with torch.no_grad():
        for number, alone in enumerate(batches):
            batch = _repeated(to_device(alone, machine.device), len(rows))
            if not batch.is_carried:
                state = zero_state(shape, len(rows), batch.mask.shape[1], rows)
            found, state = totals(rows, shape, task, batch, state, machine.kernel, nats[number] if nats else None)
            sums = add(sums, found)
    values = torch.stack(list(sums.values()), dim=1).tolist()  # (K, names): one wait for the device
    return [task.scores(dict(zip(sums, mine, strict=True))) for mine in values]


def totals(
    rows: Tensor,
    shape: Shape,
    task: Task,
    batch: Batch,
    state: tuple[State, ...],
    kernel: Kernel,
    nats: Float[Tensor, "K B"] | None = None,
) -> tuple[Sums, tuple[State, ...]]:
    """Return each member's totals over a batch and the last states; to `nats`, if given, add each row's loss."""
    if isinstance(kernel, Fused):
        return fused_totals(rows, shape, task.head, batch, state, nats)
    logits, last = forward(shape, shape.views(rows), batch.inputs, state, kernel)
    if nats is not None:
        nats += _row_nats(task, logits, batch)
    return task.tally(logits, batch.targets, batch.mask), last


def _row_nats(task: Task, logits: Tensor, batch: Batch) -> Float[Tensor, "K B"]:
    """Return the loss of each row, in double precision; one row at a time, for all would take twice the memory."""
    found = []
    for b in range(logits.shape[1]):
        targets, mask = batch.targets[:, b : b + 1], batch.mask[:, b : b + 1]
        exact = targets.double() if targets.is_floating_point() else targets
        found.append(task.nats(logits[:, b : b + 1].double(), exact, mask))
    return torch.stack(found, dim=1)


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on a device."""
    inputs, targets, mask = (t.to(device) for t in (batch.inputs, batch.targets, batch.mask))
    return dataclasses.replace(batch, inputs=inputs, targets=targets, mask=mask)


def _repeated(batch: Batch, members: int) -> Batch:
    """Return a batch of K = 1 as seen by each of the members."""
    tensors = (batch.inputs, batch.targets, batch.mask)
    inputs, targets, mask = (t.expand(members, *t.shape[1:]) for t in tensors)
    return Batch(inputs, targets, mask, batch.n_units * members, batch.is_carried, batch.pieces)
