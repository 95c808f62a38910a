"""Noise and dropout, drawn for every update into buffers that a recorded step reads.

The numbers are drawn on the CPU, from the streams and in the order of a member that is trained alone, and copied to
the device: on every device noise has the same numbers, at the price of drawing them at a CPU's speed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.typing import Float
from bench.results.run import Run
from bench.training.batches import Batch
from bench.training.joint.resident import Places
from bench.training.member import Member
from bench.training.model import NO_DROPOUT, Dropout, DropoutPosition, Shape
from bench.training.noise import dropout, with_input_noise, with_weight_noise

Extent = tuple[int, int]


@dataclass(frozen=True)
class Prepared(Dropout):
    """Dropout whose factors are drawn already, in the order in which a model meets them; None for none."""

    factors: Iterator[Tensor | None]

    def apply(self, x: Float[Tensor, "K B T N"], position: DropoutPosition) -> Float[Tensor, "K B T N"]:
        """Multiply by the next factors."""
        factor = next(self.factors)
        return x if factor is None else x * factor


class Draws:
    """The buffers of a group: only those that one of its Runs asks for.

    `extent` is the largest B and T of a batch.
    """

    def __init__(self, runs: Sequence[Run], shape: Shape, extent: Extent, rows: Float[Tensor, "K P"]) -> None:
        self._shape, self._rows = shape, rows
        settings = [run.train for run in runs]
        room = (len(runs), *extent)
        has_noise = any(each.weight_noise for each in settings), any(each.input_noise for each in settings)
        self._weights = torch.zeros_like(rows) if has_noise[0] else None
        self._inputs = rows.new_zeros((*room, shape.n_inputs)) if has_noise[1] else None
        rates = {
            0: any(each.input_dropout for each in settings),
            1: any(each.dropout for each in settings),
            2: any(each.output_dropout for each in settings),
        }
        self._factors = [
            rows.new_ones((*room, width)) if rates[position] else None for position, width in _dropout_positions(shape)
        ]
        self._has_factors = any(factor is not None for factor in self._factors)

    def fill(self, members: Mapping[int, Member], places: Places) -> None:
        """Draw for the next update of each member, by its seat and the places (2, K, B) of its batch."""
        if self._weights is None and self._inputs is None and not self._has_factors:
            return
        for k, member in members.items():
            lengths = places[1, k]
            extent = int((lengths > 0).sum()), int(lengths.max())
            if self._weights is not None:
                still = torch.zeros(self._shape.row_size, dtype=self._rows.dtype)
                self._weights[k] = with_weight_noise(still, self._shape, member.run, member.n_updates)
            if self._inputs is not None:
                self._fill_inputs(self._inputs[k], member, *extent)
            if self._has_factors:
                self._fill_factors(k, member, extent)

    def on_rows(self, rows: Float[Tensor, "K P"]) -> Float[Tensor, "K P"]:
        """Return the weights with their noise."""
        return rows if self._weights is None else rows + self._weights

    def on_inputs(self, inputs: Tensor) -> Tensor:
        """Return the inputs with their noise."""
        return inputs if self._inputs is None else inputs + self._inputs[:, :, : inputs.shape[2]]

    def dropout(self, length: int) -> Dropout:
        """Return the dropout of a forward pass over batches of that length."""
        if not self._has_factors:
            return NO_DROPOUT
        factors = (factor if factor is None else factor[:, :, :length] for factor in self._factors)
        return Prepared((), (), (), factors)

    def _fill_inputs(self, buffer: Float[Tensor, "B T I"], member: Member, B: int, T: int) -> None:
        still = torch.zeros(1, B, T, self._shape.n_inputs, dtype=self._rows.dtype)
        batch = Batch(still, still, torch.ones(1, B, T, dtype=torch.bool), (B * T,), False, ((B, T),))
        buffer[:B, :T] = with_input_noise(batch, member.run, member.n_updates).inputs[0]

    def _fill_factors(self, k: int, member: Member, extent: Extent) -> None:
        drop = dropout([member.run], member.n_updates, (extent,))
        for (position, width), buffer in zip(_dropout_positions(self._shape), self._factors, strict=True):
            factor = drop.factor(0, (*extent, width), position, self._rows.dtype)
            if buffer is not None and factor is not None:
                buffer[k, : extent[0], : extent[1]] = factor


def _dropout_positions(shape: Shape) -> list[tuple[DropoutPosition, int]]:
    """Return where dropout acts and on how many units, in the order in which a model meets it."""
    between: list[tuple[DropoutPosition, int]] = [(1, shape.hidden_size)] * (shape.num_layers - 1)
    return [(0, shape.embedding_size or shape.n_inputs), *between, (2, shape.hidden_size)]
