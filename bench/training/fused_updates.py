"""A member's updates with the fused kernel: as many as there are to the next event in one call, without Python between.

Python says which sequences are in the batches and at which learning rates, and reads the losses afterwards. Everything
else is in `kernels/fused/updates.h`.
"""

from __future__ import annotations

from ctypes import pointer
from itertools import chain

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bench.kernels.fused import interface as c
from bench.results.run import Run
from bench.tasks.base import Sequences, Stream, Task
from bench.training.batches import sequence_order
from bench.training.evaluation import Machine
from bench.training.gradients import fused_model, packed_states, unpacked_states
from bench.training.member import Member
from bench.training.model import Shape, zero_state
from bench.training.noise import key_of_dropout, key_of_input_noise, key_of_weight_noise, noisy
from bench.training.optim import FusedOptimiser

Floats = NDArray[np.float64]


class FusedUpdates:
    """Takes a member's updates, and counts the seconds of its training that go to arithmetic and to drawing noise."""

    def __init__(self, member: Member, shape: Shape, task: Task, machine: Machine) -> None:
        self.member, self._shape, self._clock = member, shape, machine.clock
        self._library = c.library(shape.cell, machine.dtype)
        self._model = fused_model(shape, task.head)
        self._grads = torch.empty_like(member.row)
        split = member.batches.split
        self._data = _Windows(member, split) if isinstance(split, Stream) else _Sequences(member, split)
        self._spans = spans_of(shape)
        self._noise = _noise(member.run, self._spans)
        self.arithmetic_seconds = self.noise_seconds = 0.0

    def take(self, n: int, seconds: float) -> None:
        """Take n updates of this epoch; where they take longer than so many seconds only those begun by then.

        A member whose loss or gradient is not finite ends as diverged. Raises MemoryError where there is none.
        """
        member, clock = self.member, self._clock
        started = clock()
        optimiser = _optimiser(member)
        rates, losses = np.array(member.rates(n)), np.empty((2, n))
        segment = c.Segment(model=pointer(self._model), n=n, first_update=member.n_updates, seconds=seconds)
        segment.noise, segment.rule, segment.n_steps = self._noise, optimiser.rule, optimiser.n_steps
        segment.is_sum = member.run.train.loss == "sum"
        segment.row, segment.grads = member.row.data_ptr(), self._grads.data_ptr()
        segment.first_moment, segment.second_moment = optimiser.first.data_ptr(), optimiser.second.data_ptr()
        segment.lr, segment.nats, segment.norms = (each.ctypes.data for each in (rates, *losses))
        state = self._state()
        segment.state = state.data_ptr()
        n_units, kept = self._data.put(segment)
        loaded = clock()
        n_taken = c.take_updates(self._library, segment)
        del kept
        optimiser.n_steps += n_taken
        member.state = unpacked_states(state)
        self._record(rates, losses[:, :n_taken], n_units)
        trained = clock()
        self.arithmetic_seconds += segment.arithmetic_seconds
        self.noise_seconds += segment.noise_seconds
        member.clock.data += loaded - started
        member.clock.train += trained - loaded

    def _state(self) -> Tensor:
        """Return the states that a text goes on from, (1, L, S, B, H); empty for sequences, which start from zero."""
        member = self.member
        if not isinstance(self._data, _Windows):
            return packed_states(())
        return packed_states(member.state or zero_state(self._shape, 1, member.run.train.batch_size, member.row))

    def _record(self, rates: Floats, losses: Floats, n_units: list[int]) -> None:
        member = self.member
        for lr, nats, norm, n in zip(rates.tolist(), *losses.tolist(), n_units, strict=False):
            member.n_updates, member.last_lr = member.n_updates + 1, lr
            member.add_loss(nats, norm, n)


class _Sequences:
    """The training split as the library reads it, and which of its sequences are in the next batches."""

    def __init__(self, member: Member, split: Sequences) -> None:
        self._member, self._split = member, split
        self._lengths = np.array(split.lengths, np.int64)
        self._frames = np.array([frames.data_ptr() for frames in split.frames], np.uint64)

    def put(self, segment: c.Segment) -> tuple[list[int], object]:
        """Add the next batches; return the number of frames in each, and what must live until they are trained on."""
        member, run = self._member, self._member.run
        settings = run.train
        order = sequence_order(
            self._split, run.task_name, seed=run.seed, epoch=member.epoch, batch_size=settings.batch_size
        )
        start = member.n_updates % len(order)
        batches = order[start : start + segment.n]
        chosen = np.fromiter(chain.from_iterable(batches), np.int64)
        first = np.cumsum([0, *map(len, batches)])
        segment.sequences, segment.lengths = self._frames.ctypes.data, self._lengths.ctypes.data
        segment.chosen, segment.first = chosen.ctypes.data, first.ctypes.data
        segment.n_given = self._split.n_given
        return np.add.reduceat(self._lengths[chosen], first[:-1]).tolist(), (chosen, first)


class _Windows:
    """A text in pieces, and which of their windows come next."""

    def __init__(self, member: Member, split: Stream) -> None:
        self._member, self._split = member, split

    def put(self, segment: c.Segment) -> tuple[list[int], object]:
        """Add the next windows; return the number of tokens in each, and what must live until they are trained on."""
        settings, split = self._member.run.train, self._split
        B, window = settings.batch_size, settings.window
        piece = split.n_units // B
        position = self._member.n_updates % self._member.batches.n_per_epoch
        segment.tokens, segment.before = split.tokens.data_ptr(), split.before
        segment.B, segment.piece, segment.window, segment.position = B, piece, window, position
        return [B * min(window, piece - window * i) for i in range(position, position + segment.n)], None


def spans_of(shape: Shape) -> NDArray[np.int64]:
    """Return where each weight with noise begins in a row, and its size, as the library reads them."""
    return np.array([(shape.offsets[name], shape.weights[name].size) for name in noisy(shape)])


def _noise(run: Run, spans: NDArray[np.int64]) -> c.Noise:
    """Return a Run's noise and where the weights with noise are, which must live as long."""
    settings = run.train
    return c.Noise(
        weights=settings.weight_noise,
        inputs=settings.input_noise,
        drop_input=settings.input_dropout,
        drop_between=settings.dropout,
        drop_output=settings.output_dropout,
        weight_key=key_of_weight_noise(run),
        input_key=key_of_input_noise(run),
        drop_key=key_of_dropout(run),
        n_noisy=len(spans),
        noisy=spans.ctypes.data,
    )


def _optimiser(member: Member) -> FusedOptimiser:
    optimiser = member.optimiser
    if not isinstance(optimiser, FusedOptimiser):
        raise TypeError(f"the fused kernel steps its own optimiser, not {type(optimiser).__name__}")
    return optimiser
