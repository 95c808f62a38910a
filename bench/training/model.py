"""Population: K models of equal shape, their weights in one flat array with a row for each member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import embedding

from bench.cells import Cell
from bench.cells.base import Role, State, Weight
from bench.core.typing import Float
from bench.kernels import SequenceKernel
from bench.kernels.draws import dropout_factors
from bench.results.weights import ALIGNMENT

PRODUCTS: tuple[Role, ...] = ("input", "recurrent", "readout")
"""Roles of the weights that are multiplied as matrices, each once for every unit."""


@dataclass(frozen=True)
class Shape:
    """Everything that decides the shapes of a model's weights. `embedding_size` is 0 when inputs are frames."""

    cell: Cell
    n_inputs: int
    n_outputs: int
    embedding_size: int
    hidden_size: int
    num_layers: int

    @cached_property
    def weights(self) -> dict[str, Weight]:
        """The model's weights by name: `embedding.E`, `layer0.W`, ..., `readout.W`, `readout.b`."""
        weights: dict[str, Weight] = {}
        width = self.n_inputs
        if self.embedding_size:
            weights["embedding.E"] = Weight((self.n_outputs, self.embedding_size), "embedding")
            width = self.embedding_size
        for layer in range(self.num_layers):
            for name, weight in self.cell.weights(width, self.hidden_size).items():
                weights[f"layer{layer}.{name}"] = weight
            width = self.hidden_size
        weights["readout.W"] = Weight((self.n_outputs, self.hidden_size), "readout")
        weights["readout.b"] = Weight((self.n_outputs,), "readout_bias")
        return weights

    @cached_property
    def offsets(self) -> dict[str, int]:
        """Where each weight starts in a member's row."""
        offsets, start = {}, 0
        for name, weight in self.weights.items():
            offsets[name] = start
            start += -(-weight.size // ALIGNMENT) * ALIGNMENT
        return offsets

    @cached_property
    def row_size(self) -> int:
        """Scalars in a member's row, gaps included; the gaps are zero and stay so."""
        last = next(reversed(self.weights))
        return -(-(self.offsets[last] + self.weights[last].size) // ALIGNMENT) * ALIGNMENT

    @property
    def training_bytes(self) -> int:
        """Bytes that a member takes in training: weights, gradient, two moments, and the best so far."""
        return 5 * 4 * self.row_size

    def num_params(self) -> dict[str, int]:
        """Return the number of parameters: `recurrent` layers, `embedding`, `readout` and `total`."""
        counts = {"recurrent": 0, "embedding": 0, "readout": 0}
        for name, weight in self.weights.items():
            part = name.split(".")[0]
            counts["recurrent" if part.startswith("layer") else part] += weight.size
        return {**counts, "total": sum(counts.values())}

    def num_flops(self) -> dict[str, int]:
        """Return the floating-point operations of one unit's forward pass: `recurrent` layers, `readout`, `total`.

        Two for each weight of a matrix product: input and recurrent products of every layer, and the readout. Nothing
        for looking up an embedding, for biases, peepholes and what is done element by element, and nothing is taken
        off for inputs that are zero.
        """
        counts = {"recurrent": 0, "readout": 0}
        for weight in self.weights.values():
            if weight.role in PRODUCTS:
                counts["readout" if weight.role == "readout" else "recurrent"] += 2 * weight.size
        return {**counts, "total": sum(counts.values())}

    def views(self, rows: Float[Tensor, "K P"]) -> dict[str, Tensor]:
        """Return each weight as a view (K, *shape) of the rows."""
        return {
            name: rows[:, start : start + self.weights[name].size].unflatten(1, self.weights[name].shape)
            for name, start in self.offsets.items()
        }


@dataclass(frozen=True)
class Dropout:
    """Each member's dropout at its update: its rates and the key that it is drawn with.

    It acts in L + 1 places: 0 before the first layer, l before layer l (counted from 0), and L after the last.
    """

    rates: tuple[tuple[float, ...], ...]
    keys: tuple[int, ...]
    updates: tuple[int, ...]

    def factors(self, place: int, size: tuple[int, int, int], like: Tensor) -> Float[Tensor, "K B T N"] | None:
        """Return 0 for a unit that is dropped, else what keeps the mean, for (B, T, N) of them; None for no dropout."""
        if not any(rates[place] for rates in self.rates):
            return None
        rates = [rates[place] for rates in self.rates]
        return dropout_factors(self.keys, self.updates, place, rates, size, like)

    def apply(self, x: Float[Tensor, "K B T N"], place: int) -> Float[Tensor, "K B T N"]:
        """Multiply each member by its factors."""
        if not self.rates:
            return x
        factors = self.factors(place, (x.shape[1], x.shape[2], x.shape[3]), x)
        return x if factors is None else x * factors


NO_DROPOUT = Dropout((), (), ())


def zero_state(shape: Shape, members: int, batch_size: int, like: Tensor) -> tuple[State, ...]:
    """Return the initial state of every layer, each tensor (K, B, H)."""
    zeros = like.new_zeros((members, batch_size, shape.hidden_size))
    return tuple(tuple(zeros for _ in shape.cell.states) for _ in range(shape.num_layers))


def forward(
    shape: Shape,
    weights: Mapping[str, Tensor],
    inputs: Tensor,
    state: tuple[State, ...],
    kernel: SequenceKernel,
    drop: Dropout = NO_DROPOUT,
) -> tuple[Float[Tensor, "K B T O"], tuple[State, ...]]:
    """Return the logits of every step and the last state of every layer.

    Shapes: `inputs` (K, B, T, I) frames or (K, B, T) token numbers; `weights` as `Shape.views` gives them.
    """
    x = _embed(weights, inputs)
    last = []
    for layer in range(shape.num_layers):
        x = drop.apply(x, layer)
        params = _layer(weights, layer)
        x, layer_state = kernel.run(shape.cell, x, state[layer], params)
        last.append(layer_state)
    x = drop.apply(x, shape.num_layers)
    K, B, T, H = x.shape
    logits = weights["readout.b"].unsqueeze(1).baddbmm(x.reshape(K, B * T, H), weights["readout.W"].mT)
    return logits.view(K, B, T, -1), tuple(last)


def _embed(weights: Mapping[str, Tensor], inputs: Tensor) -> Tensor:
    table = weights.get("embedding.E")
    if table is None:
        return inputs
    K, V, E = table.shape
    rows = inputs + V * torch.arange(K, device=inputs.device).view(K, 1, 1)
    return embedding(rows, table.reshape(K * V, E))


def _layer(weights: Mapping[str, Tensor], layer: int) -> dict[str, Tensor]:
    prefix = f"layer{layer}."
    return {name[len(prefix) :]: weight for name, weight in weights.items() if name.startswith(prefix)}
