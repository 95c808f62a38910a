"""The gradient of each member's mean loss by autograd through a sequence kernel, as rows like the weights'."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cells.base import State
from bench.kernels import SequenceKernel
from bench.model import Dropout, Shape, forward
from bench.shapes import Float, Int
from bench.tasks.base import Task

Seen = tuple[Tensor, Tensor, Tensor]
"""Inputs, targets and mask of a batch, each (K, B, T, ...)."""


def gradients(
    rows: Float[Tensor, "K P"],
    shape: Shape,
    *,
    task: Task,
    seen: Seen,
    n_units: Int[Tensor, "K"],
    state: tuple[State, ...],
    kernel: SequenceKernel,
    drop: Dropout,
) -> tuple[Float[Tensor, "K"], tuple[State, ...], Float[Tensor, "K P"]]:
    """Return each member's loss in nats, the last states, and the gradient of its mean loss, zero in the gaps.

    On a device nothing here waits for it.
    """
    inputs, targets, mask = seen
    leaves = {name: view.detach().requires_grad_() for name, view in shape.views(rows).items()}
    logits, last = forward(shape, leaves, inputs, state, kernel, drop)
    nats = task.nats(logits, targets, mask)
    found = torch.autograd.grad((nats / n_units).sum(), list(leaves.values()), allow_unused=True)
    grads = torch.zeros_like(rows)
    for view, gradient in zip(shape.views(grads).values(), found, strict=True):
        if gradient is not None:
            view.copy_(gradient)
    return nats.detach(), tuple(tuple(part.detach() for part in layer) for layer in last), grads
