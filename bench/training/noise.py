"""Noise while training: on inputs, on weights, and dropout; each draw a function of (seed, update)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from bench.core.seeds import stream
from bench.core.typing import Float
from bench.results.run import Run
from bench.training.batches import Batch
from bench.training.model import NO_DROPOUT, Dropout, Shape

NOISY = ("input", "recurrent")
"""Roles of the weights that weight noise acts on: W and U of the recurrent layers, as in Chung et al. 2014."""


def with_input_noise(batch: Batch, run: Run, update: int) -> Batch:
    """Return the batch with Gaussian noise on its input frames if the Run asks for it."""
    std = run.train.input_noise
    if std == 0:
        return batch
    generator = _generator(stream("input_noise", task=run.task_name, seed=run.seed, update=update))
    noise = torch.randn(batch.inputs.shape, generator=generator, dtype=batch.inputs.dtype)
    return dataclasses.replace(batch, inputs=batch.inputs + std * noise)


def with_weight_noise(row: Float[Tensor, "P"], shape: Shape, run: Run, update: int) -> Float[Tensor, "P"]:
    """Return the weights with Gaussian noise on W and U if the Run asks for it."""
    std = run.train.weight_noise
    if std == 0:
        return row
    generator = _generator(stream("weight_noise", seed=run.seed, update=update))
    noise = torch.zeros(1, shape.row_size, dtype=row.dtype)
    for name, view in shape.views(noise).items():
        if shape.weights[name].role in NOISY:
            view.copy_(std * torch.randn(view.shape, generator=generator, dtype=view.dtype))
    return row + noise[0].to(row.device)


def dropout(runs: Sequence[Run], update: int, extents: tuple[tuple[int, int], ...]) -> Dropout:
    """Return the dropout of each Run at an update."""
    rates = tuple((run.train.input_dropout, run.train.dropout, run.train.output_dropout) for run in runs)
    if not any(map(any, rates)):
        return NO_DROPOUT
    generators = tuple(_generator(stream("dropout", seed=run.seed, update=update)) for run in runs)
    return Dropout(rates, generators, extents)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
