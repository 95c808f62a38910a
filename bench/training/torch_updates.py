"""A member's updates with a kernel in torch: one by one, each a forward and a backward pass by autograd and a step."""

from __future__ import annotations

import dataclasses
import math
import time

import torch
from torch import Tensor

from bench.cells.base import State
from bench.tasks.base import Task
from bench.training.batches import Batch
from bench.training.evaluation import Machine, to_device
from bench.training.gradients import gradients
from bench.training.joint.group import sequence_kernel
from bench.training.member import Member
from bench.training.model import Shape, zero_state
from bench.training.noise import dropout, input_noise, weight_noise


class TorchUpdates:
    """Takes a member's updates with a kernel in torch, one by one; noise counts as arithmetic."""

    noise_seconds = 0.0

    def __init__(self, member: Member, shape: Shape, task: Task, machine: Machine) -> None:
        self.member, self._shape, self._task, self._machine = member, shape, task, machine

    @property
    def arithmetic_seconds(self) -> float:
        """Seconds of the member's training."""
        return self.member.clock.train

    def take(self, n: int, seconds: float) -> None:
        """Take n updates; where they take longer than so many seconds only those begun by then.

        A member whose loss or gradient is not finite ends as diverged.
        """
        end = time.monotonic() + seconds
        for _ in range(n):
            self._take_one()
            if self.member.status is not None or time.monotonic() >= end:
                return

    def _take_one(self) -> None:
        member, clock = self.member, self._machine.clock
        started = clock()
        place = member.epoch, member.n_updates % member.batches.n_per_epoch
        batch = to_device(self._with_input_noise(member.batches.batch(*place)), self._machine.device)
        loaded = clock()
        losses, member.state, grads = self._gradients(batch)
        nats, lr = float(losses[0]), member.begin()
        norm = member.optimiser.step(grads[0], lr) if math.isfinite(nats) else math.nan
        member.add_loss(nats, norm, batch.n_units[0])
        trained = clock()
        member.clock.data += loaded - started
        member.clock.train += trained - loaded

    def _gradients(self, batch: Batch) -> tuple[Tensor, tuple[State, ...], Tensor]:
        """Return the loss in nats (1,), the last states, and the gradient (1, P) of the mean or the sum."""
        member, shape, rows = self.member, self._shape, self.member.row.unsqueeze(0)
        at = [member.run], [member.n_updates]
        divisor = batch.n_units if member.run.train.loss == "mean" else (1,)
        if member.run.train.weight_noise:
            rows = rows + weight_noise(*at, shape, rows)
        return gradients(
            rows,
            shape,
            task=self._task,
            seen=(batch.inputs, batch.targets, batch.mask),
            divisor=torch.tensor(divisor, device=self._machine.device),
            state=member.state if batch.is_carried else zero_state(shape, 1, batch.mask.shape[1], rows),
            kernel=sequence_kernel(self._machine),
            drop=dropout(*at, shape.num_layers),
        )

    def _with_input_noise(self, batch: Batch) -> Batch:
        member = self.member
        if not member.run.train.input_noise:
            return batch
        _, B, T, n_inputs = batch.inputs.shape
        noise = input_noise([member.run], [member.n_updates], (B, T, n_inputs), batch.inputs)
        return dataclasses.replace(batch, inputs=batch.inputs + noise)
