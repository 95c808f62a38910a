"""What of a cell's derivation the passes use: where products are simply added, and the gradients of a step as linear
forms.

The gradients that a step hands out are linear in those that it is given, so each stage of its backward pass is one
sum of factor times gradient, over all that it hands out together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from bench.cells import Cell
from bench.cells.derivation import Derivation, Operand, waiting_of
from bench.cells.expressions import (
    ONE,
    ZERO,
    Expression,
    Operation,
    Symbol,
    add,
    divide,
    multiply,
    subtract,
    symbols_of,
)
from bench.cells.program import Node

Form = dict[Symbol, Expression]
"""A linear form: gradient to its factor, which holds no gradient."""


@dataclass(frozen=True)
class Stage:
    """A backward stage: the gradients it is given, and for each of what it hands out the factor of every one of them.

    What it hands out comes in this order: `blocks` of D, `states` before the step, `own` vectors, and `waiting`
    gradients of values.
    """

    given: tuple[Symbol, ...]
    factors: tuple[tuple[Expression, ...], ...]
    blocks: tuple[int, ...]
    states: tuple[int, ...]
    own: tuple[int, ...]
    waiting: tuple[Symbol, ...]


@dataclass(frozen=True)
class Plan:
    """A derivation as the passes use it."""

    derivation: Derivation

    @cached_property
    def added(self) -> frozenset[str]:
        """Gates whose product is used in `x.g + U.g(...)` alone and in no factor: added to the input in place."""
        program = self.derivation.program
        uses: dict[Symbol, int] = {}
        sums: dict[str, int] = {}
        for expression in (*(a for node in program.nodes for a in node.arguments), *program.outputs):
            _count(expression, uses, sums)
        alone = [gate for gate in program.products if uses.get(Symbol("product", gate)) == sums.get(gate) == 1]
        kept = [symbol.name for symbol in self.kept if symbol.kind == "product"]
        return frozenset(gate for gate in alone if uses.get(Symbol("input", gate)) == 1 and gate not in kept)

    @cached_property
    def forward(self) -> tuple[tuple[Node, ...], ...]:
        """The values of each stage, the sums of `added` gates being their inputs."""
        return tuple(
            tuple(Node(n.symbol, n.function, tuple(self._summed(a) for a in n.arguments)) for n in nodes)
            for nodes in self.derivation.forward
        )

    @cached_property
    def outputs(self) -> tuple[Expression, ...]:
        """The states after the step, the sums of `added` gates being their inputs."""
        return tuple(self._summed(output) for output in self.derivation.program.outputs)

    def _summed(self, expression: Expression) -> Expression:
        if isinstance(expression, Operation):
            left, right = expression.left, expression.right
            if expression.operator == "+" and _gate_of(left, right) in self.added:
                return left
            return Operation(expression.operator, self._summed(left), self._summed(right))
        return expression

    @cached_property
    def blocks(self) -> tuple[Symbol, ...]:
        """The blocks of D: gates whose input side has a gradient of its own, then the products by operand."""
        derivation = self.derivation
        own = [Symbol("input", gate) for gate in derivation.program.inputs if gate not in derivation.shared]
        return (*own, *(Symbol("product", gate) for operand in derivation.operands for gate in operand.gates))

    @cached_property
    def input_blocks(self) -> tuple[int, ...]:
        """The block of each gate with an input preactivation."""
        shared = self.derivation.shared
        symbols = [Symbol("product" if gate in shared else "input", gate) for gate in self.derivation.program.inputs]
        return tuple(self.blocks.index(symbol) for symbol in symbols)

    def span(self, operand: Operand) -> tuple[int, int]:
        """Return the first block of an operand's products and the one after the last."""
        first = self.blocks.index(Symbol("product", operand.gates[0]))
        return first, first + len(operand.gates)

    @cached_property
    def backward(self) -> tuple[Stage, ...]:
        """The backward stages, by stage."""
        stages = []
        for found in self.derivation.backward:
            forms: dict[Symbol, Form] = {}
            for symbol, expression in found.lines:
                forms[symbol] = _form(expression, forms)
            blocks = [
                (block, (found.inputs if symbol.kind == "input" else found.products)[symbol.name])
                for block, symbol in enumerate(self.blocks)
                if symbol.name in (found.inputs if symbol.kind == "input" else found.products)
            ]
            program = self.derivation.program
            states = [(program.states.index(name), each) for name, each in found.states.items()]
            own = [(program.own.index(name), each) for name, each in found.own.items()]
            handed = [each for _, each in (*blocks, *states, *own, *found.waiting.items())]
            handed_forms = [_form(each, forms) for each in handed]
            given = tuple(dict.fromkeys(symbol for form in handed_forms for symbol in form))
            factors = tuple(tuple(form.get(symbol, ZERO) for form in handed_forms) for symbol in given)
            waiting = tuple(waiting_of(symbol) for symbol in found.waiting)
            stages.append(Stage(given, factors, _places(blocks), _places(states), _places(own), waiting))
        return tuple(stages)

    @cached_property
    def kept(self) -> tuple[Symbol, ...]:
        """Values and products that factors are made of."""
        factors = [f for stage in self.backward for each in stage.factors for f in each]
        found = dict.fromkeys(symbol for factor in factors for symbol in symbols_of(factor))
        return tuple(symbol for symbol in found if symbol.kind in ("value", "product"))

    @property
    def keeps_inputs(self) -> bool:
        """Whether factors hold input preactivations."""
        factors = [f for stage in self.backward for each in stage.factors for f in each]
        return any(symbol.kind == "input" for factor in factors for symbol in symbols_of(factor))


def _places(parts: Iterable[tuple[int, Expression]]) -> tuple[int, ...]:
    return tuple(place for place, _ in parts)


@lru_cache(maxsize=64)
def plan_of(cell: Cell) -> Plan:
    """Return the plan of a cell."""
    return Plan(cell.derivation)


def _gate_of(left: Expression, right: Expression) -> str | None:
    is_sum = isinstance(left, Symbol) and isinstance(right, Symbol) and (left.kind, right.kind) == ("input", "product")
    return left.name if is_sum and left.name == right.name else None  # type: ignore[union-attr]


def _count(expression: Expression, uses: dict[Symbol, int], sums: dict[str, int]) -> None:
    if isinstance(expression, Symbol):
        uses[expression] = uses.get(expression, 0) + 1
    elif isinstance(expression, Operation):
        if expression.operator == "+" and (gate := _gate_of(expression.left, expression.right)):
            sums[gate] = sums.get(gate, 0) + 1
        _count(expression.left, uses, sums)
        _count(expression.right, uses, sums)


def _form(expression: Expression, forms: Mapping[Symbol, Form]) -> Form:
    """Return an expression as a linear form of gradients, given those of the symbols that stand for gradients."""
    if isinstance(expression, Symbol):
        if expression.kind != "gradient":
            return {}
        return forms.get(expression, {expression: ONE})
    if not isinstance(expression, Operation):
        return {}
    left, right = _form(expression.left, forms), _form(expression.right, forms)
    if expression.operator == "*":
        if left:
            return {symbol: multiply(factor, expression.right) for symbol, factor in left.items()}
        return {symbol: multiply(expression.left, factor) for symbol, factor in right.items()}
    if expression.operator == "/":
        return {symbol: divide(factor, expression.right) for symbol, factor in left.items()}
    join = add if expression.operator == "+" else subtract
    return {symbol: join(left.get(symbol, ZERO), right.get(symbol, ZERO)) for symbol in {**left, **right}}
