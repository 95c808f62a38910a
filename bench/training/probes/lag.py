"""How far back the loss of a step reaches: the gradient with respect to earlier states, by lag."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bench.core.typing import Bool, Float
from bench.training.model import Shape
from bench.training.probes.unroll import unroll

Nats = Callable[[Tensor, Tensor, Tensor], Tensor]
"""A task's loss: (logits (K, B, T, O), targets, mask (K, B, T)) to nats (K)."""

FORGOTTEN = 0.01
"""Share of the gradient at lag 1 below which a step counts as out of reach."""


def gradient_by_lag(
    shape: Shape,
    row: Float[Tensor, "P"],
    batch: tuple[Tensor, Tensor, Bool[Tensor, "B T"]],
    nats: Nats,
    *,
    max_lag: int,
    n_ends: int = 8,
) -> Float[Tensor, "N S"]:
    """Return, for N pairs of a sequence and a step, the norm of the gradient of the step's loss S = max_lag lags back.

    Lag k is the norm of d loss(t) / d state(t - k) over all units of all layers' states, as they enter the next step;
    lags start at 1, for the loss of a step depends on its own state through the readout alone. Steps are spread evenly
    from `max_lag` to the end; a pair whose step is padding is left out.
    """
    inputs, targets, mask = batch
    run = unroll(shape, row.detach().requires_grad_(), inputs)
    ends = torch.linspace(max_lag, mask.shape[1] - 1, n_ends).long().unique().tolist()
    norms = []
    for end in ends:
        at = slice(end, end + 1)
        loss = nats(run.logits[None, :, at], targets[None, :, at], mask[None, :, at]).sum()
        parts = [state for layer in run.states for step in layer[end - max_lag : end] for state in step]
        grads = torch.autograd.grad(loss, parts, retain_graph=True, materialize_grads=True)
        squares = torch.stack([grad.squeeze(0).square().sum(-1) for grad in grads])  # (layers max_lag states, B)
        by_step = squares.view(shape.num_layers, max_lag, len(shape.cell.states), -1).sum((0, 2))  # (max_lag, B)
        norms.append(by_step.sqrt().flip(0).T[mask[:, end]])
    return torch.cat(norms)


def memory_length(norms: Float[Tensor, "N S"], *, share: float = FORGOTTEN) -> float:
    """Return the first lag at which the median gradient is below a share of that at lag 1, infinity where none is."""
    median = norms.median(dim=0).values
    below = (median < share * median[0]).nonzero()
    return float(below[0]) + 1 if len(below) else float("inf")
