"""The validation loss of members in training, by which their best weights are chosen."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from bench.cells.base import State
from bench.core.typing import Float
from bench.kernels import Fused
from bench.kernels.fused import interface as c
from bench.tasks.base import Sequences, Split, Sums, Task, add
from bench.training.batches import Batch, evaluation_batches
from bench.training.evaluation import Machine, evaluate, to_device, totals
from bench.training.fused_updates import spans_of
from bench.training.member import Member
from bench.training.model import Shape, zero_state
from bench.training.noise import SEQUENCE, key_of_validation_noise, weight_noise


class Validation:
    """A validation split, and how members are measured on it: with weight noise where `train.noisy_validation` says so.

    With noise each sequence has a draw of its own, and a text one; it is a function of the Run's seed, its updates and
    the sequence's number.
    """

    def __init__(self, split: Split, shape: Shape, task: Task, machine: Machine) -> None:
        self._split, self._shape, self._task, self._machine = split, shape, task, machine

    def nats(self, members: Sequence[Member]) -> list[float]:
        """Return the loss of each member."""
        calm = [member for member in members if not member.run.train.noisy_validation]
        rows = torch.stack([member.row for member in calm]) if calm else None
        scores = [] if rows is None else evaluate(rows, self._shape, self._task, self._batches, self._machine)
        found = {id(member): score["nats"] for member, score in zip(calm, scores, strict=True)}
        return [found[id(member)] if id(member) in found else self._nats_with_noise(member) for member in members]

    @cached_property
    def _batches(self) -> list[Batch]:
        return list(self._cut(0))

    @cached_property
    def _alone(self) -> list[Batch]:
        """Batches of one sequence each; a text's windows, which hold all of its tracks."""
        return list(self._cut(1 if isinstance(self._split, Sequences) else 0))

    def _cut(self, batch_size: int) -> Iterator[Batch]:
        dtype, tracks = self._machine.dtype, self._task.tracks
        batches = evaluation_batches(self._split, tracks=tracks, dtype=dtype, batch_size=batch_size)
        return (to_device(batch, self._machine.device) for batch in batches)

    def _nats_with_noise(self, member: Member) -> float:
        shape, task, machine = self._shape, self._task, self._machine
        sums: Sums = {}
        state: tuple[State, ...] = ()
        numbers, rows = itertools.count(), member.row.unsqueeze(0)
        with torch.no_grad():
            for batch in self._alone:
                if not batch.is_carried:
                    rows = self._with_noise(member, next(numbers))
                    state = zero_state(shape, 1, batch.mask.shape[1], rows)
                found, state = totals(rows, shape, task, batch, state, machine.kernel)
                sums = add(sums, found)
        return task.scores({name: float(total) for name, total in sums.items()})["nats"]

    def _with_noise(self, member: Member, number: int) -> Float[Tensor, "1 P"]:
        run, key, place = member.run, key_of_validation_noise(member.run), SEQUENCE * number
        rows = member.row.unsqueeze(0)
        if not isinstance(self._machine.kernel, Fused):
            return rows + weight_noise([run], [member.n_updates], self._shape, rows, keys=[key], first_place=place)
        rows, spans = rows.clone(), spans_of(self._shape)
        noise = c.Noise(weights=run.train.weight_noise, weight_key=key, n_noisy=len(spans), noisy=spans.ctypes.data)
        c.add_weight_noise(c.library(self._shape.cell, rows.dtype), noise, member.n_updates, place, rows)
        return rows
