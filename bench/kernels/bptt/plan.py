"""What the passes carry out, made of a cell's derivation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch

from bench.cells import Cell
from bench.cells.derivation import Derivation
from bench.cells.expressions import Expression, Operation, Symbol, symbols_of
from bench.cells.program import Node
from bench.kernels.bptt.code import FULL, NUMBER, ROW, Code, Instruction, Place, joined
from bench.kernels.bptt.forms import Gradients


@dataclass(frozen=True)
class Forward:
    """The forward pass of a step, and where its values stand.

    The rooms `preactivations` are those of `Plan.layout`; `rows` are those of U, by operand.
    """

    code: Code
    instructions: tuple[Instruction, ...]
    preactivations: Sequence[Place]
    rows: Sequence[Place]
    own: Sequence[Place]
    before: Sequence[Place]
    after: Sequence[Place]
    kept: Mapping[Symbol, Place]


@dataclass(frozen=True)
class Factors:
    """The factors of all backward stages, computed for all steps at once.

    `places` are those of the symbols that they are made of. The factors of sum i stand in the blocks of `sums[i]`, in
    the order of the stages, and those of the cell's own vectors in `own`.
    """

    code: Code
    places: Mapping[Symbol, Place]
    sums: tuple[Place, ...]
    own: tuple[Place, ...]


@dataclass(frozen=True)
class Plan:
    """A derivation as the passes use it."""

    derivation: Derivation

    @cached_property
    def gradients(self) -> Gradients:
        """The backward pass of a step."""
        return Gradients(self.derivation)

    @cached_property
    def added(self) -> frozenset[str]:
        """Gates whose product is used in `x.g + U.g(...)` alone and in no factor: added to the input in place."""
        uses, sums = self._uses
        alone = [g for g in self.derivation.program.products if uses.get(Symbol("product", g)) == sums.get(g) == 1]
        kept = {symbol for factor in self.gradients.factors for symbol in symbols_of(factor)}
        return frozenset(g for g in alone if uses.get(Symbol("input", g)) == 1 and Symbol("product", g) not in kept)

    @cached_property
    def _uses(self) -> tuple[dict[Symbol, int], dict[str, int]]:
        """How often each symbol stands in the step, and each `x.g + U.g(...)`."""
        program = self.derivation.program
        uses: dict[Symbol, int] = {}
        sums: dict[str, int] = {}
        for expression in (*(each for node in program.nodes for each in node.arguments), *program.outputs):
            _count(expression, uses, sums)
        return uses, sums

    @cached_property
    def layout(self) -> tuple[tuple[Symbol, ...], ...]:
        """The blocks of the preactivations: a room for each operand's products, and one for inputs without a product.

        In a room stand first the products that are added to their inputs.
        """
        rooms = []
        for operand in self.derivation.operands:
            added = [Symbol("input", gate) for gate in operand.gates if gate in self.added]
            rooms.append((*added, *(Symbol("product", gate) for gate in operand.gates if gate not in self.added)))
        rest = tuple(Symbol("input", gate) for gate in self.derivation.program.inputs if gate not in self.added)
        return (*rooms, rest) if rest else tuple(rooms)

    @cached_property
    def forward(self) -> Forward:
        """The forward pass of a step."""
        code, program, derivation = Code(), self.derivation.program, self.derivation
        preactivations = [code.room()._replace(n_blocks=len(symbols)) for symbols in self.layout]
        for room, symbols in zip(preactivations, self.layout, strict=True):
            code.places |= {symbol: Place(room.room, block) for block, symbol in enumerate(symbols)}
        blocks = [symbol for symbols in self.layout for symbol in symbols]
        own = [code.room(ROW) for _ in program.own]
        before, after = ([code.room() for _ in program.states] for _ in range(2))
        rows = [code.room(NUMBER) for _ in derivation.operands]
        code.places |= {Symbol("own", name): place for name, place in zip(program.own, own, strict=True)}
        code.places |= {Symbol("state", name): place for name, place in zip(program.states, before, strict=True)}
        needed = dict.fromkeys(symbol for factor in self.gradients.factors for symbol in symbols_of(factor))
        uses, _ = self._uses
        free = [symbol for symbol in blocks if uses.get(symbol) == 1 and symbol not in needed]
        code.owners = {code.places[symbol]: symbol for symbol in free}
        is_output = dict(reversed(list(zip(program.outputs, after, strict=True))))
        for stage, nodes in enumerate(derivation.forward):
            for operand, room, weight in zip(derivation.operands, preactivations, rows, strict=False):
                if operand.stage == stage:
                    code.add(torch.baddbmm, (room, code.places[operand.symbol], weight), room)
            for node in nodes:
                place = is_output.get(node.symbol) or self._place(code, node)
                code.places[node.symbol] = code.call(node.function, [self._summed(a) for a in node.arguments], place)
        for output, place in zip(program.outputs, after, strict=True):
            code.compute(self._summed(output), place)
        operands = [operand.symbol for operand in derivation.operands]
        kept = {s: code.places[s] for s in (*needed, *operands) if s.kind != "own"}
        instructions = tuple(joined(code.instructions))
        return Forward(code, instructions, preactivations, rows, own, before, after, kept)

    def _place(self, code: Code, node: Node) -> Place:
        """Return where a value may stand: in place of a preactivation that nothing else uses, or in a new room."""
        arguments = [self._summed(each) for each in node.arguments]
        free = [code.places[s] for each in arguments for s in symbols_of(each) if code.owners.get(code.places[s]) == s]
        is_operand = any(operand.symbol == node.symbol for operand in self.derivation.operands)
        level = FULL if is_operand else max(code.level(each) for each in arguments)
        return free[0] if free else code.room(level)

    def _summed(self, expression: Expression) -> Expression:
        """Return an expression in which the sums of `added` gates are their inputs."""
        if isinstance(expression, Operation):
            left, right = expression.left, expression.right
            if expression.operator == "+" and _gate_of(left, right) in self.added:
                return left
            return Operation(expression.operator, self._summed(left), self._summed(right))
        return expression

    @cached_property
    def factors(self) -> Factors:
        """The factors of all backward stages."""
        code, stages = Code(is_thrifty=False), self.gradients.stages  # their places are far apart in memory
        symbols = dict.fromkeys(symbol for factor in self.gradients.factors for symbol in symbols_of(factor))
        forward = self.forward
        for symbol in symbols:
            is_own = symbol.kind == "own"
            code.places[symbol] = code.room(ROW if is_own else forward.code.levels[forward.kept[symbol].room])
        places = {symbol: code.places[symbol] for symbol in symbols}
        targets, sums = [], []
        for each in (each for stage in stages for each in stage.sums):
            sums.append(code.room()._replace(n_blocks=len(each.factors)))
            targets += [(factor, Place(sums[-1].room, block)) for block, factor in enumerate(each.factors)]
        owns = [each.factor for stage in stages for each in stage.own]
        own = [code.places[factor] if isinstance(factor, Symbol) else code.room() for factor in owns]
        code.compute_all([*targets, *zip(owns, own, strict=True)])
        return Factors(code, places, tuple(sums), tuple(own))


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
