"""The operations of one unit in one step, forward and backward, counted from what is derived from the equations.

Products with W and U are counted apart: they are as many as their weights. A negation costs nothing, and what a
backward pass makes anew instead of keeping it is a kernel's choice and not counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from bench.cells.cell import Cell
from bench.cells.expressions import ZERO, Call, Expression, Operation

WORDS = {"*": "multiplications", "+": "additions", "-": "additions", "/": "divisions"}


@dataclass(frozen=True)
class Operations:
    """How often each operation and each function is there: `multiplications`, `additions`, `divisions`, `tanh`..."""

    forward: Counter[str]
    backward: Counter[str]


def operations(cell: Cell) -> Operations:
    """Return the operations of a cell, element by element."""
    derivation = cell.derivation
    forward = _counted([*cell.program.outputs, *(each for node in cell.program.nodes for each in node.arguments)])
    forward += Counter(node.function for node in cell.program.nodes if node.function != "same")
    backward: Counter[str] = Counter()
    for stage in derivation.backward:
        products = {gate: d for gate, d in stage.products.items() if stage.inputs.get(gate) != d}
        parts = (stage.inputs, products, stage.own, stage.states, stage.waiting)
        backward += _counted([value for _, value in stage.lines])
        backward += _counted([value for part in parts for value in part.values()])
    return Operations(forward, backward)


def _counted(expressions: Iterable[Expression]) -> Counter[str]:
    found: Counter[str] = Counter()
    for expression in expressions:
        if isinstance(expression, Operation):
            found += _counted([expression.left, expression.right])
            if expression.operator != "-" or expression.left != ZERO:
                found[WORDS[expression.operator]] += 1
        elif isinstance(expression, Call):
            found += _counted(expression.arguments)
            found[expression.function] += 1
    return found
