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


def _evaluate(
    rows: Tensor, shape: Shape, task: Task, batches: Sequence[Batch], machine: Machine
) -> list[dict[str, float]]:
    sums: Sums = {}
    state: tuple[State, ...] = ()
    with torch.no_grad():
        for alone in batches:
            batch = _repeated(to_device(alone, machine.device), len(rows))
            if not batch.is_carried:
                state = zero_state(shape, len(rows), batch.mask.shape[1], rows)
            found, state = _totals(rows, shape, task, batch, state, machine.kernel)
            sums = add(sums, found)
    totals = torch.stack(list(sums.values()), dim=1).tolist()  # (K, names): one wait for the device
    return [task.scores(dict(zip(sums, mine, strict=True))) for mine in totals]


def _totals(
    rows: Tensor, shape: Shape, task: Task, batch: Batch, state: tuple[State, ...], kernel: Kernel
) -> tuple[Sums, tuple[State, ...]]:
    if isinstance(kernel, Fused):
        return fused_totals(rows, shape, task.head, batch, state)
    logits, last = forward(shape, shape.views(rows), batch.inputs, state, kernel)
    return task.tally(logits, batch.targets, batch.mask), last


def to_device(batch: Batch, device: torch.device) -> Batch:
    """Return the batch on a device."""
    inputs, targets, mask = (t.to(device) for t in (batch.inputs, batch.targets, batch.mask))
    return dataclasses.replace(batch, inputs=inputs, targets=targets, mask=mask)


def _repeated(batch: Batch, members: int) -> Batch:
    """Return a batch of K = 1 as seen by each of the members."""
    tensors = (batch.inputs, batch.targets, batch.mask)
    inputs, targets, mask = (t.expand(members, *t.shape[1:]) for t in tensors)
    return Batch(inputs, targets, mask, batch.n_units * members, batch.is_carried)
