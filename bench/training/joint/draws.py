"""Noise and dropout, drawn for every update into buffers that a recorded step reads.

They are drawn on the device, for all members at once, and are those of a member that is trained alone: each number is a
function of its Run's seed, the update and the number's place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench.core.typing import Float
from bench.results.run import Run
from bench.training.member import Member
from bench.training.model import NO_DROPOUT, Dropout, Shape
from bench.training.noise import dropout, input_noise, weight_noise

Extent = tuple[int, int]


@dataclass(frozen=True)
class Prepared(Dropout):
    """Dropout whose factors are drawn already, one for each place; None for no dropout."""

    prepared: tuple[Tensor | None, ...]

    def apply(self, x: Float[Tensor, "K B T N"], place: int) -> Float[Tensor, "K B T N"]:
        """Multiply by the factors of a place."""
        factors = self.prepared[place]
        return x if factors is None else x * factors


class Draws:
    """The buffers of a group: only those that one of its Runs asks for.

    `extent` is the largest B and T of a batch.
    """

    def __init__(self, runs: Sequence[Run], shape: Shape, extent: Extent, rows: Float[Tensor, "K P"]) -> None:
        self._runs, self._shape, self._rows, self._extent = tuple(runs), shape, rows, extent
        settings = [run.train for run in runs]
        has_noise = any(each.weight_noise for each in settings), any(each.input_noise for each in settings)
        self._weights = torch.zeros_like(rows) if has_noise[0] else None
        self._inputs = rows.new_zeros((len(runs), *extent, shape.n_inputs)) if has_noise[1] else None
        rates = dropout(runs, [0] * len(runs), shape.num_layers).rates
        self._factors = [
            rows.new_ones((len(runs), *extent, width)) if any(each[place] for each in rates) else None
            for place, width in enumerate(_widths(shape))
        ]
        self._has_factors = any(factors is not None for factors in self._factors)

    def fill(self, members: Mapping[int, Member], length: int) -> None:
        """Draw for the next update of each member, by its seat; the batches are of that length."""
        if self._weights is None and self._inputs is None and not self._has_factors:
            return
        updates = [members[k].n_updates if k in members else 0 for k in range(len(self._runs))]
        B, T = self._extent[0], min(length, self._extent[1])
        if self._weights is not None:
            self._weights.copy_(weight_noise(self._runs, updates, self._shape, self._rows))
        if self._inputs is not None:
            size = (B, T, self._shape.n_inputs)
            self._inputs[:, :, :T] = input_noise(self._runs, updates, size, self._rows)
        if self._has_factors:
            self._fill_factors(dropout(self._runs, updates, self._shape.num_layers), B, T)

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
        return Prepared(
            (), (), (), tuple(factors if factors is None else factors[:, :, :length] for factors in self._factors)
        )

    def _fill_factors(self, drop: Dropout, B: int, T: int) -> None:
        for place, (width, buffer) in enumerate(zip(_widths(self._shape), self._factors, strict=True)):
            factors = drop.factors(place, (B, T, width), self._rows)
            if buffer is not None and factors is not None:
                buffer[:, :, :T] = factors


def _widths(shape: Shape) -> list[int]:
    """Return on how many units dropout acts in each place."""
    return [shape.embedding_size or shape.n_inputs, *[shape.hidden_size] * shape.num_layers]
