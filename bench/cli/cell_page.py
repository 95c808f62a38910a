"""A page about a cell: what is derived from its equations, and whether the derivative is the right one."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import torch

from bench.cells import Cell, cell_of
from bench.cells.base import Biases
from bench.cells.definition import definition_of
from bench.cells.latex import latex
from bench.cells.operations import operations
from bench.core.cell_words import words_in
from bench.core.errors import ConfigError
from bench.kernels import SEQUENCE_KERNELS, SequenceKernel, available
from bench.kernels.agreement import AGREES, gradient_error, members_difference

UNITS = 64
"""Inputs and hidden units that shapes and parameters are shown at."""

EXACT = 1e-12
"""Largest difference of a member among others from the same member alone, relative to the largest number."""

MOST_VARIANTS = 16
"""Settings of fields that are words or true and false, whose equations are all checked."""

CPU = torch.device("cpu")


def describe(node: Mapping[str, Any]) -> str:
    """Read a cell, check the derivative of its equations, and return a page about it. Raises ConfigError."""
    cell = cell_of(node)
    lines = [
        f"{cell.title} (cell={cell.name})",
        f"source: {cell.source}",
        f"states: {_listed(cell.states)}; the first is the output",
        f"gates: {_listed(f'x.{gate}' for gate in cell.gates)}",
        *_products(cell),
        f"own vectors: {_listed(f'p.{name}' for name in cell.program.own) or 'none'}",
        *_weights(cell),
        *_fields(cell, node),
        f"start: {_listed(f'{each.target}: {each.text}' for each in cell.start) or 'as `init` says'}",
        *_operations(cell),
        f"kernels: {', '.join(available())}",
        "",
        latex(cell),
        "",
    ]
    return "\n".join([*lines, *_checks(cell), *_variants(cell, node), "", "valid"])


def _listed(names: Iterator[str] | tuple[str, ...]) -> str:
    return ", ".join(names)


def _products(cell: Cell) -> Iterator[str]:
    """Yield what each recurrent product multiplies, and after how many others it is known."""
    derivation = cell.derivation
    if not derivation.operands:
        yield "recurrent products: none"
        return
    yield f"recurrent products, in {derivation.n_stages} stages:" if derivation.n_stages > 1 else "recurrent products:"
    for operand in derivation.operands:
        what = "the state" if operand.symbol.kind == "state" else "the value"
        stage = f", in stage {operand.stage + 1}" if derivation.n_stages > 1 else ""
        gates = _listed(f"U.{gate}" for gate in operand.gates)
        yield f"  {gates}: of {what} {derivation.text_of(operand.symbol)}{stage}"


def _weights(cell: Cell) -> Iterator[str]:
    weights = cell.weights(UNITS, UNITS)
    total = sum(weight.size for weight in weights.values())
    yield f"weights at {UNITS} inputs and {UNITS} units, {total:,} numbers:"
    for name, weight in weights.items():
        yield f"  {name:12} {'x'.join(map(str, weight.shape)):10} {weight.size:8,}  {weight.role}"


def _fields(cell: Cell, node: Mapping[str, Any]) -> Iterator[str]:
    """Yield the fields with their values and what they may be."""
    allowed = words_in(definition_of(node), "cell").fields
    yield "fields:"
    for name, value in cell.fields:
        may_be = "true, false" if isinstance(value, bool) else "a number"
        if name in cell.choices:
            may_be = _listed(cell.choices[name])
        elif name in allowed and allowed[name].range:
            low, high = allowed[name].range
            may_be = f"{low:,g} to {high:,g}"
        yield f"  {name} = {str(value).lower() if isinstance(value, bool) else value}  ({may_be})"
    yield f"  biases = {cell.biases}  ({_listed(get_args(Biases))})"


def _operations(cell: Cell) -> Iterator[str]:
    counted = operations(cell)
    weights = cell.weights(UNITS, UNITS)
    products = sum(weights[name].size for name in ("W", "U") if name in weights) // UNITS
    yield f"operations of one unit in one step, beside the products with W and U ({products:,} multiply-adds of"
    yield f"{UNITS} inputs and {UNITS} units, twice that backward):"
    yield f"  forward   {_counts(counted.forward)}"
    yield f"  backward  {_counts(counted.backward)}"


def _counts(counted: Counter[str]) -> str:
    arithmetic = [name for name in ("multiplications", "additions", "divisions") if counted[name]]
    return _listed(tuple(f"{name} {counted[name]}" for name in [*arithmetic, *sorted({*counted} - {*arithmetic})]))


def _checks(cell: Cell) -> Iterator[str]:
    """Yield what was found of each kernel in torch. Raises ConfigError where it is too much."""
    yield "checks, in float64 at random inputs and weights:"
    for kernel in reversed(SEQUENCE_KERNELS):
        error, difference = _measured(kernel, cell)
        whose = "autograd of the equations" if kernel.name == "reference" else "the derived backward pass"
        yield f"  {whose} ({kernel.name}): gradients within {error:.1e} of finite differences"
        yield f"  {kernel.name}: members together within {difference:.1e} of members alone"


def _variants(cell: Cell, node: Mapping[str, Any]) -> Iterator[str]:
    """Check the equations at every choice of the fields that are words or true and false."""
    each = {name: cell.choices.get(name, (True, False)) for name, value in cell.fields if isinstance(value, str | bool)}
    for values in itertools.islice(itertools.product(*each.values()), MOST_VARIANTS):
        changed = dict(zip(each, values, strict=True))
        if changed == {name: value for name, value in cell.fields if name in each}:
            continue
        shown = _listed(f"{name}={str(value).lower()}" for name, value in changed.items())
        where = f"cell({shown})"
        other = cell_of({**node, **changed}, where)
        error = max(_measured(kernel, other, where)[0] for kernel in SEQUENCE_KERNELS)
        yield f"  at {shown}: gradients within {error:.1e}"


def _measured(kernel: SequenceKernel, cell: Cell, where: str = "cell") -> tuple[float, float]:
    """Return the errors of gradients and of members computed together. Raises ConfigError where one is too large."""
    where = f"{where}.equations"
    error, difference = gradient_error(kernel, cell), members_difference(kernel, cell)
    if not (error < float("inf") and difference < float("inf")):
        problem = "give a number that is not finite at inputs, states and weights drawn from a normal distribution"
        raise ConfigError(where, f"{problem}; log needs what is above 0, exp what is small, / what is not 0")
    if error > AGREES:
        problem = f"their gradient by kernel {kernel.name} is {error:.1e} from finite differences"
        raise ConfigError(where, f"{problem}, at most {AGREES:g} is allowed")
    if difference > EXACT:
        raise ConfigError(where, f"members differ by {difference:.1e} from members alone, at most {EXACT:g} is allowed")
    return error, difference
