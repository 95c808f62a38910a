"""What the equations of a cell are read into: the values of a step and what they are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.cells.expressions import Expression, Symbol, symbols_of


@dataclass(frozen=True)
class Node:
    """A value of a step: a function of expressions without calls, or with `same` an expression that has a name."""

    symbol: Symbol
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True)
class Program:
    """What a step computes, in the order in which it is written.

    `inputs` are the gates with an input preactivation and `own` the cell's vectors, in the order of their first use,
    and `products` every gate with a recurrent product to its operand: a state or a value. `outputs` are the states
    after the step, and `named` what each line's name stands for at the end.
    """

    states: tuple[str, ...]
    inputs: tuple[str, ...]
    products: Mapping[str, Symbol]
    own: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Expression, ...]
    named: Mapping[str, Expression]

    @property
    def read(self) -> frozenset[str]:
        """The states whose value before the step is used."""
        expressions = (*self.products.values(), *(a for node in self.nodes for a in node.arguments), *self.outputs)
        return frozenset(s.name for each in expressions for s in symbols_of(each) if s.kind == "state")
