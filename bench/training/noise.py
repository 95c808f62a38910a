"""Noise while training: on inputs, on weights, and dropout; each draw a function of (seed, update) and its place.

K members, each at an update of its own. The place of a number in sequence b of a batch does not depend on the lengths
of the batch's other sequences.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from bench.core.seeds import stream
from bench.core.typing import Float
from bench.kernels.draws import SEQUENCE as SEQUENCE
from bench.kernels.draws import normal, places
from bench.results.run import Run
from bench.training.model import NO_DROPOUT, Dropout, Shape

NOISY = ("input", "recurrent")
"""Roles of the weights that weight noise acts on: W and U of the recurrent layers, as in Chung et al. 2014."""


def weight_noise(
    runs: Sequence[Run],
    updates: Sequence[int],
    shape: Shape,
    like: Float[Tensor, "K P"],
    *,
    keys: Sequence[int] = (),
    first_place: int = 0,
) -> Float[Tensor, "K P"]:
    """Return Gaussian noise on W and U of each Run's weights, zero on the others; by default the training's."""
    noise, std = torch.zeros_like(like), _column([run.train.weight_noise for run in runs], like)
    keys = keys or [key_of_weight_noise(run) for run in runs]
    views = shape.views(noise)
    for place, name in enumerate(noisy(shape), first_place):
        drawn = normal(keys, updates, [place], shape.weights[name].size, like.device)
        views[name].copy_((std * drawn).view_as(views[name]))
    return noise


def input_noise(
    runs: Sequence[Run], updates: Sequence[int], size: tuple[int, int, int], like: Tensor
) -> Float[Tensor, "K B T I"]:
    """Return Gaussian noise on each Run's input frames, for B sequences of T steps of I inputs."""
    B, T, n_inputs = size
    std = _column([run.train.input_noise for run in runs], like)
    drawn = normal([key_of_input_noise(run) for run in runs], updates, places(0, B), T * n_inputs, like.device)
    return (std * drawn).to(like.dtype).view(-1, B, T, n_inputs)


def dropout(runs: Sequence[Run], updates: Sequence[int], num_layers: int) -> Dropout:
    """Return the dropout of each Run at its update."""
    rates = tuple(
        (run.train.input_dropout, *[run.train.dropout] * (num_layers - 1), run.train.output_dropout) for run in runs
    )
    if not any(map(any, rates)):
        return NO_DROPOUT
    return Dropout(rates, tuple(key_of_dropout(run) for run in runs), tuple(updates))


def noisy(shape: Shape) -> list[str]:
    """Return the names of the weights that weight noise acts on, in the order of their places."""
    return [name for name, weight in shape.weights.items() if weight.role in NOISY]


def key_of_weight_noise(run: Run) -> int:
    """Return what a Run's weight noise is drawn with."""
    return stream("weight_noise", seed=run.seed)


def key_of_validation_noise(run: Run) -> int:
    """Return what the noise is drawn with that a Run's weights are measured with."""
    return stream("validation_noise", seed=run.seed)


def key_of_input_noise(run: Run) -> int:
    """Return what a Run's input noise is drawn with."""
    return stream("input_noise", task=run.task_name, seed=run.seed)


def key_of_dropout(run: Run) -> int:
    """Return what a Run's dropout is drawn with."""
    return stream("dropout", seed=run.seed)


def _column(values: Sequence[float], like: Tensor) -> Float[Tensor, "K 1 1"]:
    return torch.tensor(values, dtype=torch.float64, device=like.device).view(-1, 1, 1)
