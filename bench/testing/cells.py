"""What every cell must do: `check_cell({"name": "gru", "kind": "gru"})`, the node as its YAML has it.

Shapes: K members, B sequences, I inputs, H units, G = gates x H rows.
What its file says is checked when it is read, `bench/cells/definition.py`; this is what is computed from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

import torch
from torch import Tensor

from bench.cells import Cell, cell_of
from bench.cells.base import Biases, Role, State
from bench.kernels import FASTEST_FIRST, choose, supports
from bench.testing.kernels import CPU, EXACT, check_kernel
from bench.testing.require import require, require_close, require_equal

K, B, I, H = 3, 4, 5, 6  # noqa: E741

BASE: Mapping[str, Role] = {"W": "input", "U": "recurrent", "b": "bias"}
"""What every cell has, where `biases` is not none, and the role of each."""

VECTORS: Mapping[Biases, tuple[str, ...]] = {"double": ("b", "b_recurrent"), "single": ("b",), "none": ()}
"""The bias vectors of a layer."""


def check_cell(node: Mapping[str, Any]) -> None:
    """Check a cell by itself and in every kernel that states it.

    Raises AssertionError with what is violated, ConfigError where no cell is of that kind or a field is none of its.
    """
    for check in CHECKS:
        check(node)
    cell = cell_of(node)
    for kernel in FASTEST_FIRST:
        if supports(kernel, cell, CPU, torch.float64):
            check_kernel(kernel, node)


def check_weights(node: Mapping[str, Any]) -> None:
    """Its gates name the rows of W, U and b, and every weight has a name and a role that models know."""
    cell = cell_of(node)
    for n_inputs, n_units in ((5, 7), (3, 2)):
        weights = cell.weights(n_inputs, n_units)
        rows, products = len(cell.gates) * n_units, len(cell.products) * n_units
        wanted = {"W": (rows, n_inputs), "U": (products, n_units), "b": (rows,)}
        if not products:
            del wanted["U"]
        if cell.biases == "none":
            del wanted["b"]
        for name, shape in wanted.items():
            found = weights[name].shape if name in weights else None
            require(found == shape, f"{name} must be {shape} for {n_inputs} inputs and {n_units} units, got {found}")
            role = weights[name].role
            require(role == BASE[name], f"the role of {name} must be {BASE[name]}, got {role}")
        for name, weight in weights.items():
            require("." not in name, f"a weight's name must have no dot, got {name}")
            require(weight.role in get_args(Role), f"the role of {name} must be one of {get_args(Role)}: {weight.role}")


def check_biases(node: Mapping[str, Any]) -> None:
    """`biases` decides which bias vectors there are, the recurrent one only beside U, and on nothing else."""
    cell = cell_of(node)
    others = set(cell.weights(I, H)) - {"b", "b_recurrent"}
    for biases, vectors in VECTORS.items():
        wanted = others | {name for name in vectors if name == "b" or cell.products}
        found = set(dataclasses.replace(cell, biases=biases).weights(I, H))
        require(found == wanted, f"the weights with `biases: {biases}` must be {sorted(wanted)}, got {sorted(found)}")


def drawn(cell: Cell, dtype: torch.dtype) -> tuple[State, Tensor, dict[str, Tensor]]:
    """Return a state (K, B, H) each, wx (K, B, G) and weights, the same at every call."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)

    params = {name: draw(K, *weight.shape) for name, weight in cell.weights(I, H).items()}
    return tuple(draw(K, B, H) for _ in cell.states), draw(K, B, len(cell.gates) * H), params


def check_step_shapes(node: Mapping[str, Any]) -> None:
    """A step returns the states, each (K, B, H) in the numbers it was given, and changes none of its arguments."""
    cell = cell_of(node)
    for dtype in (torch.float32, torch.float64):
        state, wx, params = drawn(cell, dtype)
        copies = [each.clone() for each in (*state, wx, *params.values())]
        found = cell.step(state, wx, params)
        require_equal([*state, wx, *params.values()], copies, "the arguments of a step after it")
        require(len(found) == len(cell.states), f"a step must return {cell.states}, got {len(found)} tensors")
        for name, part in zip(cell.states, found, strict=True):
            got = (tuple(part.shape), part.dtype)
            require(got == ((K, B, H), dtype), f"{name} must be {(K, B, H)} in {dtype} after a step, got {got}")


def check_step_independence(node: Mapping[str, Any]) -> None:
    """A step of a member is the same among others and alone, and so is that of a sequence in a batch."""
    cell = cell_of(node)
    state, wx, params = drawn(cell, torch.float64)
    together = cell.step(state, wx, params)
    for k in range(K):
        one = slice(k, k + 1)
        mine = {name: weight[one] for name, weight in params.items()}
        alone = cell.step(_part(state, one), wx[one], mine)
        require_close(alone, _part(together, one), EXACT, f"a step of member {k} alone against among others")
    for b in range(B):
        here = (slice(None), slice(b, b + 1))
        alone = cell.step(_part(state, here), wx[here], params)
        require_close(alone, _part(together, here), EXACT, f"a step of sequence {b} alone against in a batch")


def _part(state: Sequence[Tensor], where: slice | tuple[slice, slice]) -> State:
    return tuple(part[where] for part in state)


def check_kernels(node: Mapping[str, Any]) -> None:
    """`auto` finds a kernel that supports it, and the reference kernel always does."""
    cell = cell_of(node)
    for dtype in (torch.float32, torch.float64):
        chosen = choose("auto", cell, CPU, dtype)
        require(supports(chosen, cell, CPU, dtype), f"auto chose {chosen.name}, which does not support the cell")
        found = choose("reference", cell, CPU, dtype).name
        require(found == "reference", f"the reference kernel must have every cell, got {found}")


CHECKS: tuple[Callable[[Mapping[str, Any]], None], ...] = (
    check_weights,
    check_biases,
    check_step_shapes,
    check_step_independence,
    check_kernels,
)
"""What is asked of a cell by itself."""
