"""The order in which a step is computed, forward and backward: the stages between its recurrent products, and its
derivative in reverse mode.

The products of a stage need what the stages before it compute. The backward pass goes through the stages from the
last to the first; each begins when the gradients of the operands of all later products are known, which take a matrix
product.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from bench.cells.expressions import (
    ZERO,
    Call,
    Expression,
    Number,
    Operation,
    Symbol,
    add,
    derivative,
    slope,
    symbols_of,
    times,
)
from bench.cells.program import Node, Program

Line = tuple[Symbol, Expression]
"""A symbol and what it stands for."""


@dataclass(frozen=True)
class Operand:
    """What some recurrent products multiply: a state, or a value of the step; `gates` are those of the products."""

    symbol: Symbol
    gates: tuple[str, ...]
    stage: int


@dataclass(frozen=True)
class Backward:
    """The pointwise part of a backward stage.

    `lines` are values of its own, in order. `inputs`, `products` and `own` are the gradients of those symbols' terms,
    `states` those of the states before the step, and `waiting` those of values whose stage comes later, as far as they
    are known. Gradients that come from outside are the symbols `gradient_of(state)` and, for an operand of a later
    product, `gradient_of(operand)`; what waited is `waiting_of(value)`.
    """

    lines: tuple[Line, ...]
    inputs: Mapping[str, Expression]
    products: Mapping[str, Expression]
    own: Mapping[str, Expression]
    states: Mapping[str, Expression]
    waiting: Mapping[Symbol, Expression]

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """Everything that the stage computes."""
        parts = (self.inputs, self.products, self.own, self.states, self.waiting)
        return (*(value for _, value in self.lines), *(value for part in parts for value in part.values()))


def gradient_of(symbol: Symbol) -> Symbol:
    """Return the symbol of the gradient with respect to a state after the step, or to an operand."""
    return Symbol("gradient", f"{symbol.kind}_{symbol.name}")


def waiting_of(symbol: Symbol) -> Symbol:
    """Return the symbol of a gradient as far as later stages have added to it."""
    return Symbol("gradient", f"waiting_{symbol.kind}_{symbol.name}")


@dataclass(frozen=True)
class Derivation:
    """A program, its stages and its derivative."""

    program: Program

    @cached_property
    def levels(self) -> dict[Symbol, int]:
        """How many products, one after the other, a value or product waits for."""
        levels: dict[Symbol, int] = {}

        def level(symbols: Iterable[Symbol]) -> int:
            return max((of(symbol) for symbol in symbols), default=0)

        def of(symbol: Symbol) -> int:
            if symbol not in levels:
                if symbol.kind == "product":
                    levels[symbol] = of(self.program.products[symbol.name]) + 1
                else:
                    node = self._nodes.get(symbol)
                    levels[symbol] = level(s for each in node.arguments for s in symbols_of(each)) if node else 0
            return levels[symbol]

        for symbol in (*self._nodes, *(Symbol("product", gate) for gate in self.program.products)):
            of(symbol)
        return levels

    @cached_property
    def _nodes(self) -> dict[Symbol, Node]:
        return {node.symbol: node for node in self.program.nodes}

    @cached_property
    def _first(self) -> int:
        """The level of the first stage: without an operand that is made of states and inputs alone, 1."""
        is_made = any(
            operand.kind == "value" and self.levels[operand] == 0 for operand in self.program.products.values()
        )
        return 0 if is_made or not self.program.products else 1

    def stage_of(self, symbol: Symbol) -> int:
        """Return the stage in which a value is computed or a product is ready."""
        return max(self.levels.get(symbol, 0) - self._first, 0)

    @cached_property
    def n_stages(self) -> int:
        """How many pointwise parts a step has."""
        return 1 + max((self.stage_of(symbol) for symbol in self.levels), default=0)

    @cached_property
    def operands(self) -> tuple[Operand, ...]:
        """The operands with the gates of their products, by stage and in the order of their first product."""
        gates: dict[Symbol, list[str]] = {}
        for gate, operand in self.program.products.items():
            gates.setdefault(operand, []).append(gate)
        found = [Operand(each, tuple(own), self.stage_of(Symbol("product", own[0]))) for each, own in gates.items()]
        return tuple(sorted(found, key=lambda operand: operand.stage))

    @cached_property
    def forward(self) -> tuple[tuple[Node, ...], ...]:
        """The values of each stage, in order."""
        return tuple(
            tuple(node for node in self.program.nodes if self.stage_of(node.symbol) == stage)
            for stage in range(self.n_stages)
        )

    @cached_property
    def backward(self) -> tuple[Backward, ...]:
        """The backward stages, by stage: the last one is computed first."""
        return _Reverse(self).run()

    def described(self) -> str:
        """Return the backward pass in words and lines, in the order in which it is computed."""
        names = {node.symbol: _names(self.program).get(node.symbol, node.symbol.name) for node in self.program.nodes}
        lines = []
        for stage in reversed(range(self.n_stages)):
            found = self.backward[stage]
            lines += [f"stage {stage + 1} of {self.n_stages}"] if self.n_stages > 1 else []
            lines += [f"  {_shown(symbol, names)} = {_shown(value, names)}" for symbol, value in found.lines]
            for what, part in (("x.", found.inputs), ("U.", found.products), ("p.", found.own), ("", found.states)):
                lines += [f"  d {what}{name} += {_shown(value, names)}" for name, value in part.items()]
            lines += [f"  {_shown(waiting_of(s), names)} = {_shown(v, names)}" for s, v in found.waiting.items()]
        return "\n".join(lines)

    def text_of(self, symbol: Symbol) -> str:
        """Return what a state or value is: its name, or where it has none its expression."""
        names = _names(self.program)
        node = self._nodes.get(symbol)
        if symbol in names or node is None:
            return names.get(symbol, symbol.name)
        texts = [_shown(each, names) for each in node.arguments]
        return texts[0] if node.function == "same" else f"{node.function}({', '.join(texts)})"

    @cached_property
    def shared(self) -> tuple[str, ...]:
        """Gates whose input preactivation and recurrent product have one gradient."""
        found = []
        for stage in self.backward:
            found += [gate for gate, d in stage.inputs.items() if stage.products.get(gate) == d]
        return tuple(gate for gate in self.program.inputs if gate in found)


def _names(program: Program) -> dict[Symbol, str]:
    return {value: name for name, value in program.named.items() if isinstance(value, Symbol)}


def _shown(expression: Expression, names: Mapping[Symbol, str]) -> str:
    """Return an expression as text; a gradient is d and what it is of, and a state before the step has a dash."""
    if isinstance(expression, Number):
        return f"{expression.value:g}"
    if isinstance(expression, Call):
        return f"{expression.function}({', '.join(_shown(each, names) for each in expression.arguments)})"
    if isinstance(expression, Operation):
        return f"({_shown(expression.left, names)} {expression.operator} {_shown(expression.right, names)})"
    prefix = {"input": "x.", "product": "u.", "own": "p.", "gradient": "d_", "state": "", "value": ""}[expression.kind]
    return f"{prefix}{names.get(expression, expression.name)}{chr(39) * (expression.kind == 'state')}"


@dataclass
class _Reverse:
    """Reverse mode over the values of a program, last to first."""

    derivation: Derivation
    terms: dict[Symbol, list[Expression]] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    n_lines: int = 0

    def run(self) -> tuple[Backward, ...]:
        program = self.derivation.program
        for state, output in zip(program.states, program.outputs, strict=True):
            self._add(output, gradient_of(Symbol("state", state)))
        stages = self._stages()
        found = [self._stage(stage, stages) for stage in reversed(range(self.derivation.n_stages))]
        return tuple(reversed(found))

    def _stages(self) -> dict[Symbol, int]:
        """Return the backward stage of each symbol: the last in which something can be added to its gradient."""
        derivation = self.derivation
        last = derivation.n_stages - 1
        stages: dict[Symbol, int] = {}
        feeds = {operand.symbol: operand.stage - 1 for operand in derivation.operands if operand.symbol.kind == "value"}
        for node in reversed(derivation.program.nodes):
            own = stages[node.symbol] = min(stages.get(node.symbol, last), feeds.get(node.symbol, last))
            for argument in node.arguments:
                for symbol in symbols_of(argument):
                    stages[symbol] = min(stages.get(symbol, last), own)
        return stages

    def _stage(self, stage: int, stages: Mapping[Symbol, int]) -> Backward:
        self.lines = []
        for operand in self.derivation.operands:
            if operand.stage - 1 == stage and operand.symbol.kind == "value":
                self.terms.setdefault(operand.symbol, []).append(gradient_of(operand.symbol))
        for node in reversed(self.derivation.program.nodes):
            if stages[node.symbol] == stage and node.symbol in self.terms:
                self._through(node)
        last = self.derivation.n_stages - 1
        done = [symbol for symbol in self.terms if symbol.kind != "value" and stages.get(symbol, last) == stage]
        added = [symbol for symbol in self.terms if symbol.kind in ("own", "state")]
        found = {kind: self._collected(kind, {*done, *added}) for kind in ("input", "product", "own", "state")}
        waiting = {symbol: self._sum(self.terms.pop(symbol)) for symbol in list(self.terms)}
        self.terms = {symbol: [waiting_of(symbol)] for symbol in waiting}
        return Backward(tuple(self.lines), found["input"], found["product"], found["own"], found["state"], waiting)

    def _collected(self, kind: str, symbols: Collection[Symbol]) -> dict[str, Expression]:
        """Return the gradients of those of some symbols that are of a kind."""
        found = {}
        for symbol in [each for each in self.terms if each.kind == kind and each in symbols]:
            terms = self.terms.pop(symbol)
            if kind == "state":  # the direct term, then those through the gates in the order of the gates
                found[symbol.name] = self._sum([terms[0], self._sum(terms[:0:-1])])
            else:
                found[symbol.name] = self._sum(terms)
        return found

    def _through(self, node: Node) -> None:
        """Add what the gradient of a value adds to those of its arguments' symbols."""
        total = self._line(self._sum(self.terms.pop(node.symbol)))
        for place, argument in enumerate(node.arguments):
            rate = slope(node.function, place, node.symbol, node.arguments)
            self._add(argument, self._line(times(total, rate)))

    def _add(self, expression: Expression, gradient: Expression) -> None:
        for symbol in symbols_of(expression):
            self.terms.setdefault(symbol, []).append(times(gradient, derivative(expression, symbol)))

    def _line(self, expression: Expression) -> Expression:
        """Return a symbol for an expression that is used more than once."""
        if isinstance(expression, Symbol | Number):
            return expression
        symbol = Symbol("gradient", f"a{self.n_lines}")
        self.n_lines += 1
        self.lines.append((symbol, expression))
        return symbol

    @staticmethod
    def _sum(terms: Iterable[Expression]) -> Expression:
        total: Expression = ZERO
        for term in terms:
            total = add(total, term)
        return total
