"""A model run step by step, so that its gates are seen and gradients with respect to each state can be asked for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import embedding, linear

from bench.cells.base import State
from bench.core.typing import Float
from bench.training.model import Shape
from bench.training.probes.gates import gate_values


@dataclass(frozen=True)
class Unrolled:
    """One model on one batch.

    `states` holds, for each layer and step, the state as the next step sees it: a gradient with respect to it flows
    through the next step alone. `outputs` are the last layer's. `gates`: for each layer, gate to (T, B, H).
    """

    logits: Float[Tensor, "B T O"]
    states: tuple[tuple[State, ...], ...]
    gates: tuple[dict[str, Tensor], ...]


def unroll(shape: Shape, row: Float[Tensor, "P"], inputs: Tensor) -> Unrolled:
    """Return what a model does on inputs (B, T, I) of frames or (B, T) of token numbers, in the row's precision."""
    views = shape.views(row.unsqueeze(0))
    x = embedding(inputs, views["embedding.E"][0]) if shape.embedding_size else inputs.to(row.dtype)
    x = x.transpose(0, 1).unsqueeze(1)  # (T, K=1, B, I)
    states, gates = [], []
    for layer in range(shape.num_layers):
        prefix = f"layer{layer}."
        params = {name.removeprefix(prefix): w for name, w in views.items() if name.startswith(prefix)}
        x, layer_states, layer_gates = _layer(shape, params, x)
        states.append(layer_states)
        gates.append(layer_gates)
    logits = linear(x.squeeze(1), views["readout.W"][0], views["readout.b"][0])  # (T, B, O)
    return Unrolled(logits.transpose(0, 1), tuple(states), tuple(gates))


def _layer(
    shape: Shape, params: dict[str, Tensor], x: Float[Tensor, "T 1 B I"]
) -> tuple[Float[Tensor, "T 1 B H"], tuple[State, ...], dict[str, Tensor]]:
    wx = x @ params["W"].mT + (params["b"].unsqueeze(1) if "b" in params else 0.0)
    zeros = x.new_zeros((1, x.shape[2], shape.hidden_size))
    state: State = tuple(zeros for _ in shape.cell.states)
    outputs, states, gates = [], [], defaultdict(list)
    for wx_t in wx.unbind(0):
        for name, values in gate_values(shape.cell, state, wx_t, params).items():
            gates[name].append(values.squeeze(0).detach())
        state = shape.cell.step(state, wx_t, params)
        outputs.append(state[0])
        state = tuple(part.view_as(part) for part in state)  # h of this step is made of c: only what goes on counts
        states.append(state)
    return torch.stack(outputs), tuple(states), {name: torch.stack(values) for name, values in gates.items()}
