"""Trained models: the kept weights of a Run as a module of torch, and as the row that the rest of the program takes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.cells import cell_of
from bench.cells.base import State
from bench.core.errors import ConfigError, DataError, UsageError
from bench.core.typing import Float
from bench.kernels.reference import Reference
from bench.results.run import RunRecord
from bench.results.weights import Weights, look_for_weights, row_of
from bench.training.model import Shape, forward, zero_state


class TrainedModel(nn.Module):
    """A model of one Run, its parameters under the names that they have in its file: `layer0.W`, `readout.b`, ...

    It computes by the equations of its cell under autograd, in the number type of its parameters; what the kernels give
    differs in the last bits.
    """

    def __init__(self, shape: Shape, row: Float[Tensor, "P"]) -> None:
        super().__init__()
        self.shape = shape
        for name, weight in shape.views(row.unsqueeze(0)).items():
            part, own = name.split(".")
            if part not in self._modules:
                self.add_module(part, nn.Module())
            self.get_submodule(part).register_parameter(own, nn.Parameter(weight[0].clone()))

    def forward(
        self, inputs: Tensor, state: tuple[State, ...] | None = None
    ) -> tuple[Float[Tensor, "B T O"], tuple[State, ...]]:
        """Return the logits of every step and the last state of every layer, to be given with the inputs that follow.

        Shapes: `inputs` (B, T, I) frames or (B, T) token numbers; a state has for each layer the states of its cell,
        each (B, H); None is the state before the first step, all zero.
        """
        weights = {name: weight.unsqueeze(0) for name, weight in self.named_parameters()}
        like = weights["readout.b"]
        if inputs.is_floating_point() or self.shape.n_inputs:
            inputs = inputs.to(like.dtype)
        if state is None:
            before = zero_state(self.shape, 1, len(inputs), like)
        else:
            before = tuple(tuple(part.unsqueeze(0) for part in layer) for layer in state)
        logits, last = forward(self.shape, weights, inputs.unsqueeze(0), before, Reference())
        return logits[0], tuple(tuple(part[0] for part in layer) for layer in last)


def model_of(record: RunRecord, directory: Path) -> TrainedModel:
    """Return the trained model of a Run of a results directory, from its kept weights; no data are needed.

    Raises UsageError where none are kept, and DataError where they are damaged.
    """
    found = look_for_weights(directory, record)
    if found.damage:
        raise DataError(f"run {record.run.label}", found.damage.removeprefix("bad data in "))
    if found.weights is None:
        raise UsageError(f"no weights of run {record.run.label} are kept in {directory}; train it with keep=best")
    shape = shape_in(record, found.weights)
    return TrainedModel(shape, row_in(found.weights))


def shape_in(record: RunRecord, weights: Weights) -> Shape:
    """Return the shape of a Run's model as its weights have it. Raises DataError where they are of another model."""
    run, sizes = record.run, {name: weight.shape for name, weight in weights.items()}
    try:
        n_inputs = 0 if run.embedding_size else sizes["layer0.W"][1]
        n_outputs = sizes["readout.b"][0]
        shape = Shape(cell_of(run.cell), n_inputs, n_outputs, run.embedding_size, run.hidden_size, run.num_layers)
    except (KeyError, IndexError, ConfigError) as error:
        raise DataError(f"run {run.label}", f"its weights cannot be read: {error}") from error
    if {name: weight.shape for name, weight in shape.weights.items()} != sizes:
        raise DataError(f"run {run.label}", "its weights are not of the shapes that its settings give")
    return shape


def row_in(weights: Weights) -> Float[Tensor, "P"]:
    """Return weights as the row of a model."""
    return torch.from_numpy(row_of(weights))


def weights_in(shape: Shape, row: Float[Tensor, "P"]) -> Weights:
    """Return the weights in the row of a model by their names."""
    return {name: weight[0].cpu().numpy() for name, weight in shape.views(row.detach().unsqueeze(0)).items()}
