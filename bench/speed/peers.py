"""The peer: a loop over K models of torch.nn with fused Adam, as one would write it without this project.

It is favoured in one thing: its batch is prepared in advance, time first, while ours is assembled in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from bench.cells import Cell, shipped_cell
from bench.core.errors import UsageError
from bench.speed.plain import Model
from bench.speed.workloads import CLIP_NORM, LR, Workload
from bench.training.batches import Batch
from bench.training.model import Shape

LAYERS: Mapping[str, Callable[..., nn.RNNBase]] = MappingProxyType(
    {"gru": nn.GRU, "lstm": nn.LSTM, "tanh": nn.RNN, "relu": partial(nn.RNN, nonlinearity="relu")}
)
"""Layers by the shipped cell whose equations torch.nn has, in our order of gates; all with two bias vectors."""

NAMES = {"W": "weight_ih", "U": "weight_hh", "b": "bias_ih", "b_recurrent": "bias_hh"}
"""Our name of a layer's weight to torch's."""


def layers_of(cell: Cell) -> Callable[..., nn.RNNBase] | None:
    """Return the layers of torch.nn that compute a cell, whatever it is called: None where there are none."""
    if cell.biases != "double":
        return None
    for name, layers in LAYERS.items():
        twin = shipped_cell(name)
        if twin.program == cell.program and twin.products == cell.products:
            return layers
    return None


class TorchModel(Model):
    """The plain model with a member's weights."""

    def __init__(self, shape: Shape, row: Tensor) -> None:
        layers = layers_of(shape.cell)
        if layers is None:
            raise UsageError(f"torch.nn has no cell like `{shape.cell.name}`")
        width, embedding_size = shape.n_inputs, shape.embedding_size
        super().__init__(layers, width, shape.n_outputs, shape.hidden_size, shape.num_layers, embedding_size)
        self.to(row)
        weights = shape.views(row[None])
        with torch.no_grad():
            for name, parameter in self.by_our_names(shape).items():
                parameter.copy_(weights[name][0])

    def by_our_names(self, shape: Shape) -> dict[str, Tensor]:
        """Return each parameter by the name that our weights have."""
        ours: dict[str, Tensor] = {"readout.W": self.readout.weight, "readout.b": self.readout.bias}
        if self.embedding is not None:
            ours["embedding.E"] = self.embedding.weight
        for layer in range(shape.num_layers):
            for name, theirs in NAMES.items():
                ours[f"layer{layer}.{name}"] = getattr(self.layers, f"{theirs}_l{layer}")
        return ours


class TorchPeer:
    """K models of torch.nn, each with its own Adam."""

    def __init__(self, workload: Workload, cell: Cell, rows: Sequence[Tensor], batch: Batch) -> None:
        shape = workload.shape(cell)
        self.models = [TorchModel(shape, row) for row in rows]
        self.optimisers = [torch.optim.Adam(model.parameters(), LR, fused=True) for model in self.models]
        self.inputs = batch.inputs[0].transpose(0, 1).contiguous()
        self.targets = batch.targets[0].transpose(0, 1).contiguous()
        self.loss = _music_loss if workload.is_music else _text_loss

    def step(self) -> None:
        """Take one step in each model."""
        self.losses()

    def losses(self) -> list[float]:
        """Take one step in each model and return their losses before it, in nats per frame or token."""
        found: list[Tensor] = []
        for model, optimiser in zip(self.models, self.optimisers, strict=True):
            optimiser.zero_grad()
            loss = self.loss(model(self.inputs)[0], self.targets)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), CLIP_NORM)
            optimiser.step()
            found.append(loss.detach())
        losses: list[float] = torch.stack(found).tolist()
        return losses


def _music_loss(logits: Tensor, targets: Tensor) -> Tensor:
    nats = binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    return nats / (targets.shape[0] * targets.shape[1])


def _text_loss(logits: Tensor, targets: Tensor) -> Tensor:
    return cross_entropy(logits.flatten(0, 1), targets.flatten())
