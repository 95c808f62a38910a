"""The gradient of each member's mean loss by autograd through a sequence kernel, as rows like the weights'."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from bench.cells.base import State
from bench.core.typing import Float, Int
from bench.kernels import SequenceKernel
from bench.kernels.fused import interface as c
from bench.tasks.base import Head, Sums, Task
from bench.training.batches import Batch
from bench.training.model import Dropout, Shape, forward

Seen = tuple[Tensor, Tensor, Tensor]
"""Inputs, targets and mask of a batch, each (K, B, T, ...)."""


def gradients(
    rows: Float[Tensor, "K P"],
    shape: Shape,
    *,
    task: Task,
    seen: Seen,
    divisor: Int[Tensor, "K"],
    state: tuple[State, ...],
    kernel: SequenceKernel,
    drop: Dropout,
) -> tuple[Float[Tensor, "K"], tuple[State, ...], Float[Tensor, "K P"]]:
    """Return each member's loss in nats, the last states, and the gradient of loss / divisor, zero in the gaps.

    On a device nothing here waits for it.
    """
    inputs, targets, mask = seen
    leaves = {name: view.detach().requires_grad_() for name, view in shape.views(rows).items()}
    logits, last = forward(shape, leaves, inputs, state, kernel, drop)
    nats = task.nats(logits, targets, mask)
    found = torch.autograd.grad((nats / divisor).sum(), list(leaves.values()), allow_unused=True)
    grads = torch.zeros_like(rows)
    for view, gradient in zip(shape.views(grads).values(), found, strict=True):
        if gradient is not None:
            view.copy_(gradient)
    return nats.detach(), tuple(tuple(part.detach() for part in layer) for layer in last), grads


HEADS: dict[Head, int] = {"bernoulli": 0, "softmax": 1}


def fused_totals(
    rows: Float[Tensor, "K P"],
    shape: Shape,
    head: Head,
    batch: Batch,
    state: tuple[State, ...],
    nats: Float[Tensor, "K B"] | None = None,
) -> tuple[Sums, tuple[State, ...]]:
    """Return each member's totals over a batch and the last states; to `nats`, if given, add each row's loss."""
    packed = packed_states(state)
    tallies = [c.Tally() for _ in rows]
    for k, tally in enumerate(tallies):
        view, kept = batch_view(batch, k, packed[k])
        view.nats = None if nats is None else nats[k].data_ptr()
        c.step(c.library(shape.cell, rows.dtype), fused_model(shape, head), view, rows[k], None, 0.0, tally)
        del kept
    names = ("nats", "units", "hits", "errors") if head == "bernoulli" else ("nats", "units", "hits")
    sums = {name: torch.tensor([getattr(t, name) for t in tallies], dtype=torch.float64) for name in names}
    return sums, unpacked_states(packed)


@lru_cache(maxsize=64)
def fused_model(shape: Shape, head: Head) -> c.Model:
    """Return the library's description of a model."""
    model = c.Model(head=HEADS[head], n_outputs=shape.n_outputs, hidden_size=shape.hidden_size)
    model.n_inputs = shape.embedding_size or shape.n_inputs
    model.num_layers, model.row_size = shape.num_layers, shape.row_size
    model.E = shape.offsets.get("embedding.E", -1)
    model.readout_W, model.readout_b = shape.offsets["readout.W"], shape.offsets["readout.b"]
    for name in ("W", "U", "b", "b_recurrent", "P"):
        offsets = [shape.offsets.get(f"layer{layer}.{name}", -1) for layer in range(c.MOST_LAYERS)]
        setattr(model, name, c.Offsets(*offsets))
    return model


def batch_view(batch: Batch, k: int, state: Tensor) -> tuple[c.Batch, list[object]]:
    """Return the library's view of a member's batch, and the tensors that must live as long as it does."""
    inputs, targets = batch.inputs[k].contiguous(), batch.targets[k].contiguous()
    lengths = batch.mask[k].sum(1)
    B, T = batch.mask.shape[1:]
    view = c.Batch(B=B, T=T, lengths=lengths.data_ptr(), state=state.data_ptr())
    view.frames, view.tokens = (inputs.data_ptr(), None) if inputs.is_floating_point() else (None, inputs.data_ptr())
    if targets.is_floating_point():
        view.frame_targets = targets.data_ptr()
    else:
        view.token_targets = targets.data_ptr()
    return view, [inputs, targets, lengths, state]


def packed_states(state: tuple[State, ...]) -> Tensor:
    """Return the states as one tensor (K, L, S, B, H), empty where there are none."""
    return torch.stack([torch.stack(layer, dim=1) for layer in state], dim=1) if state else torch.empty(0)


def unpacked_states(packed: Tensor) -> tuple[State, ...]:
    """Return what `packed_states` packed."""
    if packed.numel() == 0:
        return ()
    return tuple(tuple(part for part in layer.unbind(1)) for layer in packed.unbind(1))
