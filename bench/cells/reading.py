"""A step of a cell in torch, read off its program: what autograd differentiates, and the oracle of every kernel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from bench.cells.base import Parameters, State
from bench.cells.derivation import Derivation, Operand
from bench.cells.expressions import Expression, Number, Operation, Symbol
from bench.core.typing import Float

Known = dict[Symbol, Tensor]
Amount = Tensor | float
Functions = Mapping[str, Callable[..., Tensor]]


def _max(a: Any, b: Any) -> Tensor:
    return torch.where((a > b) | (a != a), a, b)  # which NaN is too


def _min(a: Any, b: Any) -> Tensor:
    return torch.where((a < b) | (a != a), a, b)


FUNCTIONS: Functions = {
    "same": lambda a: a,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "exp": torch.exp,
    "log": torch.log,
    "softplus": lambda a: softplus(a, threshold=1e9),
    "abs": torch.abs,
    "max": _max,
    "min": _min,
    "above": lambda a, b: (a > b).to(a.dtype if isinstance(a, Tensor) else b.dtype),
}
"""The functions of equations in torch; where two arguments are equal, max and min are the second one."""

OPERATIONS: Functions = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}


@dataclass(frozen=True)
class Values:
    """The states (K, B, H) after a step, and every value of it."""

    outputs: State
    known: Known


def values_of(derivation: Derivation, state: State, wx: Tensor, params: Parameters) -> Values:
    """Return the values of one step from states (K, B, H) and input preactivations (K, B, G)."""
    program, H = derivation.program, state[0].shape[-1]

    def multiply(operand: Operand, x: Tensor) -> Known:
        return _products(derivation, operand, x, params)

    known: Known = {Symbol("state", name): part for name, part in zip(program.states, state, strict=True)}
    for gate, block in zip(program.inputs, wx.split(H, -1), strict=True):
        known[Symbol("input", gate)] = block
    for name, vector in zip(program.own, params["P"].unsqueeze(2).unbind(1) if program.own else (), strict=True):
        known[Symbol("own", name)] = vector  # (K, 1, H)
    complete(derivation, known, multiply)
    outputs = tuple(whole(value_of(each, known), state[0]) for each in program.outputs)
    return Values(outputs, known)


def complete(
    derivation: Derivation, known: Known, multiply: Callable[[Operand, Tensor], Known], functions: Functions = FUNCTIONS
) -> None:
    """Add all products and values of a step to its states, input preactivations and own vectors.

    `multiply` returns the products of an operand; with it and `functions` of another library, so is the step.
    """
    for stage, nodes in enumerate(derivation.forward):
        for operand in derivation.operands:
            if operand.stage == stage:
                known |= multiply(operand, known[operand.symbol])
        for node in nodes:
            arguments = (value_of(each, known, functions) for each in node.arguments)
            known[node.symbol] = functions[node.function](*arguments)


def value_of(expression: Expression, known: Mapping[Symbol, Tensor], functions: Functions = FUNCTIONS) -> Amount:
    """Return the value of an expression, given those of its symbols; a number stays one."""
    if isinstance(expression, Symbol):
        return known[expression]
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Operation):
        left, right = (value_of(each, known, functions) for each in (expression.left, expression.right))
        return OPERATIONS[expression.operator](left, right)
    return functions[expression.function](*(value_of(each, known, functions) for each in expression.arguments))


def _products(derivation: Derivation, operand: Operand, x: Tensor, params: Parameters) -> Known:
    """Return the recurrent products of an operand: U operand, and the recurrent bias where there is one."""
    H, order = x.shape[-1], list(derivation.program.products)
    U, bias = params["U"].unflatten(1, (-1, H)), params.get("b_recurrent")
    places = [order.index(gate) for gate in operand.gates]
    rows = U[:, places].flatten(1, 2)  # (K, gates H, H)
    found = affine(x, rows, None if bias is None else bias.unflatten(1, (-1, H))[:, places].flatten(1, 2))
    return {Symbol("product", gate): block for gate, block in zip(operand.gates, found.split(H, -1), strict=True)}


def affine(x: Float[Tensor, "K N I"], rows: Float[Tensor, "K G I"], bias: Tensor | None) -> Float[Tensor, "K N G"]:
    """Return the product of inputs and rows of weights, plus the bias (K, G) where there is one."""
    return x @ rows.mT if bias is None else bias.unsqueeze(1).baddbmm(x, rows.mT)


def whole(value: Amount, like: Tensor) -> Tensor:
    """Return a state's value in the shape of a state, which a number or an own vector has not."""
    return value.expand_as(like) if isinstance(value, Tensor) else torch.full_like(like, value)
