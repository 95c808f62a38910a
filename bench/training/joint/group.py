"""A group: members that take their updates in one step, on tensors that stay where they are."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.cells.base import State
from bench.core.errors import ConfigError
from bench.core.typing import Float
from bench.kernels import Fused, SequenceKernel
from bench.tasks.base import Task
from bench.training.evaluation import Machine
from bench.training.gradients import gradients
from bench.training.joint.draws import Draws
from bench.training.joint.optimiser import JointOptimiser
from bench.training.joint.recorder import Recorder, Step
from bench.training.joint.resident import Places, Resident, Timetable
from bench.training.member import Member
from bench.training.model import Shape, zero_state
from bench.training.optim import TorchOptimiser

Data = tuple[Resident, Timetable]
"""A training split on the device, and where the members find their batches in it."""


class Group:
    """Members with a seat each in tensors whose first axis is K.

    A member's weights, moments and carried states are views of its seat's, so that a reader of the member sees
    their current values. When a member has ended its seat stays empty, and nothing is computed there that counts.
    """

    def __init__(
        self, members: Sequence[Member], model: tuple[Shape, Task], data: Data, machine: Machine, recorder: Recorder
    ) -> None:
        self.shape, self.task = model
        self._resident, self._timetable = data
        self._machine, self._recorder = machine, recorder
        self._recorded: dict[int, Step] = {}
        self.seated, self.n_seats = dict(enumerate(members)), len(members)
        K, B = len(members), max(member.run.train.batch_size for member in members)
        self.rows = torch.stack([member.row for member in members])
        self.optimiser = JointOptimiser(self.rows, [member.run for member in members])
        self._states = tuple(tuple(part.clone() for part in layer) for layer in zero_state(self.shape, K, B, self.rows))
        self._places = torch.zeros((2, K, B), dtype=torch.int64, device=machine.device)
        self._columns = torch.zeros((3, K), dtype=torch.float64, device=machine.device)
        self._is_sum = torch.tensor([member.run.train.loss == "sum" for member in members], device=machine.device)
        self._report = torch.zeros((2, K), dtype=torch.float64, device=machine.device)
        longest = self._resident.longest_of(max(member.run.train.window for member in members))
        self._draws = Draws([member.run for member in members], self.shape, (B, longest), self.rows)
        for k, member in self.seated.items():
            self._seat(k, member)
        self._ahead = self._next_places()

    def rehearse(self) -> None:
        """Record the next update's step without taking it."""
        self._recorded_step(self._length(self._ahead))

    def update(self) -> None:
        """Take one optimiser step in each member; one whose loss or gradient is not finite ends as diverged."""
        started = time.perf_counter()
        places = self._ahead
        self._draws.fill(self.seated, self._length(places))
        columns = self._next_columns()
        loaded = time.perf_counter()
        step = self._recorded_step(self._length(places))
        self._places.copy_(torch.from_numpy(places))
        self._columns.copy_(torch.from_numpy(columns))
        step()
        self._ahead = self._next_places()  # while the device computes
        self._record_losses(places[1].sum(1).tolist(), *self._report.tolist())
        trained = time.perf_counter()
        for member in self.seated.values():
            member.clock.data += (loaded - started) / len(self.seated)
            member.clock.train += (trained - loaded) / len(self.seated)

    def release(self) -> None:
        """Release the members that have ended, each with copies of what were views."""
        for k, member in list(self.seated.items()):
            if member.status is not None:
                del self.seated[k]
                member.row = member.row.clone()
                member.state = tuple(tuple(part.clone() for part in layer) for layer in member.state)
                _equip(member, {name: part.clone() for name, part in member.optimiser.state().items()})

    def gradients(self, length: int) -> tuple[Float[Tensor, "K"], Float[Tensor, "K P"]]:
        """Return each member's loss in nats on its present batch and the gradient of its mean or sum; carry the states.

        Nothing waits for the device, and nothing that changes between updates is a Python number.
        """
        inputs, targets, mask = self._resident.gathered(self._places, length, self._machine.dtype)
        nats, last, grads = gradients(
            self._draws.on_rows(self.rows),
            self.shape,
            task=self.task,
            seen=(self._draws.on_inputs(inputs), targets, mask),
            divisor=torch.where(self._is_sum, 1, self._places[1].sum(1).clamp(min=1)),
            state=self._initial_state(),
            kernel=sequence_kernel(self._machine),
            drop=self._draws.dropout(length),
        )
        self._carry(last)
        return nats, grads

    def _recorded_step(self, length: int) -> Step:
        """Return the step for batches of that length; while it is recorded no member is alive, so none changes."""
        if length not in self._recorded:
            self._columns.zero_()
            self._recorded[length] = self._recorder.record(partial(self._step, length))
        return self._recorded[length]

    def _step(self, length: int) -> None:
        nats, grads = self.gradients(length)
        norms = self.optimiser.step(grads, nats, lr=self._columns[0], is_alive=self._columns[1].bool())
        self._report.copy_(torch.stack([nats, norms]))

    def _next_places(self) -> Places:
        """Return first units and lengths (2, K, B) of the members' next batches."""
        places = np.zeros(self._places.shape, np.int64)
        for k, member in self.seated.items():
            mine = self._timetable.places(member)
            places[:, k, : mine.shape[1]] = mine
        return places

    def _next_columns(self) -> NDArray[np.float64]:
        """Count an update in each member; return its learning rate, whether it is alive and goes on with its state."""
        columns = np.zeros(self._columns.shape)
        for k, member in self.seated.items():
            is_carried = self._resident.is_text and member.n_updates % member.batches.n_per_epoch > 0
            columns[:, k] = member.begin(), True, is_carried
        return columns

    def _length(self, places: Places) -> int:
        return self._resident.padded(int(places[1].max()))

    def _record_losses(self, n_units: Sequence[int], nats: Sequence[float], norms: Sequence[float]) -> None:
        for k, member in self.seated.items():
            member.add_loss(nats[k], norms[k], n_units[k])

    def _initial_state(self) -> tuple[State, ...]:
        is_carried = self._columns[2].bool().view(-1, 1, 1)
        return tuple(tuple(torch.where(is_carried, part, 0.0) for part in layer) for layer in self._states)

    def _carry(self, last: tuple[State, ...]) -> None:
        is_alive = self._columns[1].bool().view(-1, 1, 1)
        for mine, theirs in zip(self._states, last, strict=True):
            for part, new in zip(mine, theirs, strict=True):
                part.copy_(torch.where(is_alive, new, part))

    def _seat(self, k: int, member: Member) -> None:
        self.optimiser.load(k, member.optimiser.state())
        member.row = self.rows[k]
        _equip(member, self.optimiser.state(k))
        if self._resident.is_text:
            B = member.run.train.batch_size
            views = tuple(tuple(part[k : k + 1, :B] for part in layer) for layer in self._states)
            for mine, theirs in zip(views, member.state, strict=bool(member.state)):
                for view, part in zip(mine, theirs, strict=True):
                    view.copy_(part)
            member.state = views


def sequence_kernel(machine: Machine) -> SequenceKernel:
    """Return a machine's kernel. Raises ConfigError for the one that computes each member alone."""
    if isinstance(machine.kernel, Fused):
        raise ConfigError("kernel", f"`{machine.kernel.name}` computes each member alone, not all at once")
    return machine.kernel


def _equip(member: Member, state: Mapping[str, Tensor]) -> None:
    """Give a member's row its own optimiser, on optimiser state that it shares with the holder of the tensors."""
    rule = TorchOptimiser(member.row, member.run.optim, member.run.train.clip_norm)
    rule.load(state)
    member.optimiser = rule
