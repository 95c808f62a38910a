"""The bptt kernel: backpropagation through time in plain torch on any device, by the derivative of the cell's
equations.

Autograd's loop records some ten operations for each step and multiplies matrices of B rows. Here a step records
nothing: all factors of a step's gradients are computed for all T steps at once, and the products with x and the
gradients of all weights are one matrix product each, of all T B rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.cells import Cell
from bench.cells.base import Parameters, State
from bench.core.typing import Float
from bench.kernels.bptt.passes import Kept, backward, forward
from bench.kernels.bptt.plan import Plan, plan_of


class BPTT:
    """Forward and backward over a whole sequence."""

    name = "bptt"

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the numbers are of a precision that the derivatives were tested in."""
        return dtype in (torch.float32, torch.float64)

    def run(
        self, cell: Cell, x: Float[Tensor, "K B T I"], state: State, params: Parameters
    ) -> tuple[Float[Tensor, "K B T H"], State]:
        """Return the outputs at every step and the last state."""
        plan = plan_of(cell)
        tensors = (x, *state, *params.values())
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            apply = cast(Callable[..., tuple[Tensor, ...]], _Differentiable.apply)
            outputs, *last = apply(plan, tuple(params), *tensors)
            return outputs, tuple(last)
        outputs, last_state, _ = forward(plan, _time_first(x), state, params, keep=False)
        return outputs.transpose(1, 2), last_state


class _Differentiable(torch.autograd.Function):
    """A layer as an autograd function: (x, initial state, weights) to (outputs, last state)."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, names: tuple[str, ...], x: Tensor, *tensors: Tensor) -> Any:
        state, weights = tensors[: -len(names)], tensors[-len(names) :]
        x = _time_first(x)
        outputs, last, kept = forward(plan, x, state, dict(zip(names, weights, strict=True)), keep=True)
        ctx.plan, ctx.names, ctx.symbols = plan, names, tuple(kept)
        ctx.save_for_backward(x, *weights, *kept.values())
        return outputs.transpose(1, 2), *last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, *d_last: Tensor) -> Any:
        x, *rest = ctx.saved_tensors
        params = dict(zip(ctx.names, rest, strict=False))
        kept: Kept = dict(zip(ctx.symbols, rest[len(ctx.names) :], strict=True))
        needs_x = ctx.needs_input_grad[2]
        found = backward(ctx.plan, x, params, kept, d_outputs.transpose(1, 2), d_last, needs_x=needs_x)
        return None, None, found.x, *found.state, *(found.params[name] for name in ctx.names)


def _time_first(x: Tensor) -> Tensor:
    """Return x as (K, T, B, I), each member's steps in one piece: a layer's outputs lie in memory like this."""
    return x.transpose(1, 2).contiguous()
