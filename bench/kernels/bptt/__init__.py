"""The bptt kernel: backpropagation through time by hand, in plain torch on any device.

Autograd's loop records some ten operations for each step and multiplies matrices of B rows. Here a step records
nothing, and the products with x and the gradients of all weights are one matrix product each, of all T B rows.
To add a cell, write its class of `Equations`, a line in `equations_of`, and its fields in `COMPUTES`.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from bench.cells.base import Cell, Parameters, State
from bench.cells.gru import GRU
from bench.cells.lstm import LSTM
from bench.cells.tanh import Tanh
from bench.core.errors import ConfigError
from bench.core.typing import Float
from bench.kernels.bptt.equations import Equations, Gradients, Layer, Saved, after
from bench.kernels.bptt.gru import GRUAfterEquations, GRUBeforeEquations
from bench.kernels.bptt.lstm import LSTMEquations
from bench.kernels.bptt.tanh import TanhEquations
from bench.kernels.computes import ANY, BIASES, Known, unknown_of

COMPUTES: Known = MappingProxyType(
    {
        Tanh: {"biases": BIASES},
        LSTM: {"peepholes": (False, True), "forget_bias": ANY, "biases": BIASES},
        GRU: {"reset": ("after", "before"), "biases": BIASES},
    }
)
"""The cells whose derivatives are here."""


class BPTT:
    """Forward and backward over a whole sequence."""

    name = "bptt"

    def unknown(self, cell: Cell) -> str:
        """Return which part of a cell has no derivative here."""
        return unknown_of(cell, COMPUTES)

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the numbers are of a precision that the derivatives were tested in."""
        return dtype in (torch.float32, torch.float64)

    def run(
        self, cell: Cell, x: Float[Tensor, "K B T I"], state: State, params: Parameters
    ) -> tuple[Float[Tensor, "K B T H"], State]:
        """Return the outputs at every step and the last state."""
        equations = equations_of(cell)
        tensors = (x, *state, *params.values())
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            apply = cast(Callable[..., tuple[Tensor, ...]], _Differentiable.apply)
            outputs, *last = apply(equations, tuple(params), *tensors)
            return outputs, tuple(last)
        return _results(_forward(equations, _time_first(x), state, params, is_saving=False)[0])


def equations_of(cell: Cell) -> Equations:
    """Return the pointwise equations of a cell. Raises ConfigError if there are none."""
    if unknown := unknown_of(cell, COMPUTES):
        raise ConfigError("kernel", f"bptt does not compute {unknown}, got cell `{cell.name}`")
    if isinstance(cell, GRU):
        return GRUAfterEquations() if cell.reset == "after" else GRUBeforeEquations()
    return LSTMEquations() if isinstance(cell, LSTM) else TanhEquations()


class _Differentiable(torch.autograd.Function):
    """A layer as an autograd function: (x, initial state, weights) to (outputs, last state)."""

    @staticmethod
    def forward(ctx: Any, equations: Equations, names: tuple[str, ...], x: Tensor, *tensors: Tensor) -> Any:
        state, weights = tensors[: -len(names)], tensors[-len(names) :]
        x = _time_first(x)
        layer, saved = _forward(equations, x, state, dict(zip(names, weights, strict=True)), is_saving=True)
        ctx.equations, ctx.names, ctx.n_states = equations, names, len(state)
        ctx.save_for_backward(x, *weights, *layer.states, *saved)
        outputs, last = _results(layer)
        return outputs, *last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:
        x, *rest = ctx.saved_tensors
        params, rest = dict(zip(ctx.names, rest, strict=False)), rest[len(ctx.names) :]
        layer = Layer(tuple(rest[: ctx.n_states]), params, is_saving=True)
        state_grads = _gradients_from_outside(layer, *grads)
        found = ctx.equations.backward(layer, tuple(rest[ctx.n_states :]), state_grads)
        d_params = _weight_gradients(x, params, found)
        dx = _input_gradient(params["W"], found) if ctx.needs_input_grad[2] else None
        return None, None, dx, *(each[:, 0] for each in state_grads), *(d_params[name] for name in ctx.names)


def _time_first(x: Tensor) -> Tensor:
    """Return x as (K, T, B, I), each member's steps in one piece: a layer's outputs lie in memory like this."""
    return x.transpose(1, 2).contiguous()


def _forward(
    equations: Equations, x: Tensor, state: State, params: Parameters, *, is_saving: bool
) -> tuple[Layer, Saved]:
    K, T, B, _ = x.shape
    bias = equations.input_bias(params).unsqueeze(1)
    gates = bias.baddbmm(x.flatten(1, 2), params["W"].mT).view(K, T, B, -1)
    is_whole = (True, *(is_saving for _ in state[1:]))  # the first state is the output
    states = tuple(_room(part, T + 1, is_whole=whole) for part, whole in zip(state, is_whole, strict=True))
    layer = Layer(states, params, is_saving)
    return layer, equations.forward(layer, gates)


def _room(initial: Tensor, length: int, *, is_whole: bool) -> Tensor:
    """Return the places (K, T + 1, B, H) of a state, the first filled; all are one piece of memory unless whole."""
    K, B, H = initial.shape
    places = initial.new_empty((K, length if is_whole else 1, B, H))
    places[:, 0] = initial
    return places.expand(K, length, B, H)


def _results(layer: Layer) -> tuple[Tensor, State]:
    """Return the outputs (K, B, T, H) and the last state, a copy so that keeping it does not keep all steps."""
    return after(layer.states[0]).transpose(1, 2), tuple(states[:, -1].clone() for states in layer.states)


def _gradients_from_outside(layer: Layer, d_outputs: Tensor, *d_last: Tensor) -> tuple[Tensor, ...]:
    """Return the gradients that reach each state from outside the layer, in the places of the states."""
    grads = tuple(torch.zeros_like(states) for states in layer.states)
    after(grads[0]).copy_(d_outputs.transpose(1, 2))
    for places, gradient in zip(grads, d_last, strict=True):
        places[:, -1] += gradient
    return grads


def _weight_gradients(x: Tensor, params: Parameters, found: Gradients) -> dict[str, Tensor]:
    """Return the gradient of every weight, each one matrix product of all T B rows."""
    grads = {"W": _outer(found.wx, x), "b": found.wx.sum((1, 2)), **found.own}
    grads["U"] = torch.cat([_outer(product.gradient, product.operand) for product in found.products], 1)
    if "b_recurrent" in params:
        grads["b_recurrent"] = torch.cat([product.gradient.sum((1, 2)) for product in found.products], 1)
    return grads


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum of the outer products of all steps and sequences: (K, left, right)."""
    return left.flatten(1, 2).mT @ right.flatten(1, 2)


def _input_gradient(W: Tensor, found: Gradients) -> Tensor:
    K, T, B, _ = found.wx.shape
    return (found.wx.flatten(1, 2) @ W).view(K, T, B, -1).transpose(1, 2)
