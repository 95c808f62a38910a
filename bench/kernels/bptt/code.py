"""Expressions as few instructions of torch, which write into tensors that are there.

At the sizes of recurrent networks a step costs what its calls of torch cost, whatever they compute. So `a + b c` and
`a + z (b - a)` are one call each, a gate takes the place of its preactivation, and neighbouring gates are one call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from bench.cells.expressions import Call, Expression, Number, Operation, Symbol, symbols_of
from bench.cells.reading import FUNCTIONS

NUMBER, ROW, FULL = range(3)
"""What a place holds at a step: one number, a vector of the cell's own (K, 1, H), or numbers (K, B, H)."""

Function = Callable[..., Any]


class Place(NamedTuple):
    """Neighbouring blocks of H columns of a room."""

    room: int
    first: int = 0
    n_blocks: int = 1


class Instruction(NamedTuple):
    """`function(*arguments, out=out)` at every step."""

    function: Function
    arguments: tuple[Place, ...]
    out: Place


Steps = Sequence[Tensor]
"""A place's tensor at every step."""

BoundCall = tuple[Function, Sequence[Steps], Steps]
"""A function with the tensors of its arguments and of what it writes, at every step."""

BINARY: dict[str, Function] = {"+": torch.add, "-": torch.sub, "*": torch.mul, "/": torch.div}
UNARY: dict[str, Function] = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "exp": torch.exp,
    "log": torch.log,
    "abs": torch.abs,
}
IN_PLACE: dict[Function, Function] = {
    torch.sigmoid: Tensor.sigmoid_,
    torch.tanh: Tensor.tanh_,
    torch.add: Tensor.add_,
    torch.mul: Tensor.mul_,
    torch.addcmul: Tensor.addcmul_,
    torch.baddbmm: Tensor.baddbmm_,
}
"""Functions that are faster where they write into their first argument."""

ADD_PRODUCT: Function = torch.addcmul
SUBTRACT_PRODUCT: Function = partial(torch.addcmul, value=-1)


def copy(a: Tensor, *, out: Tensor) -> Tensor:
    """Copy a into `out`, whose shape it may be broadcast to."""
    return out.copy_(a)


@lru_cache
def function_of(name: str) -> Function:
    """Return a function of equations that writes into `out`."""
    return UNARY.get(name) or (lambda *arguments, out: out.copy_(FUNCTIONS[name](*arguments)))


class Code:
    """Instructions, the rooms that they use and the places of what is known.

    `is_thrifty` lets the parts of a value be computed in its place.
    """

    def __init__(self, *, is_thrifty: bool = True) -> None:
        self.is_thrifty = is_thrifty
        self.instructions: list[Instruction] = []
        self.places: dict[Expression, Place] = {}
        self.levels: list[int] = []
        self.owners: dict[Place, Symbol] = {}

    def room(self, level: int = FULL) -> Place:
        """Return the place of a new room of one block."""
        self.levels.append(level)
        return Place(len(self.levels) - 1)

    @property
    def numbers(self) -> dict[Place, float]:
        """The constants, which need a place too."""
        return {place: each.value for each, place in self.places.items() if isinstance(each, Number)}

    def level(self, expression: Expression) -> int:
        """Return what an expression is at a step."""
        return max((self.levels[self.places[symbol].room] for symbol in symbols_of(expression)), default=NUMBER)

    def compute_all(self, targets: Iterable[tuple[Expression, Place]]) -> None:
        """Compute expressions into places, and what stands in them more than once only once."""
        targets = list(targets)
        counts: dict[Expression, int] = {}
        for expression, _ in targets:
            for part in parts_of(expression):
                counts[part] = counts.get(part, 0) + 1
        first = dict(reversed(targets))
        for part, n_uses in counts.items():
            if n_uses > 1:
                self.places[part] = self.compute(part, first.get(part))
        for expression, place in targets:
            self.compute(expression, place)

    def compute(self, expression: Expression, out: Place | None = None) -> Place:
        """Add what computes an expression, into `out` where that is given, and return its place."""
        if expression in self.places or isinstance(expression, Number):
            place = self.places.get(expression) or self.places.setdefault(expression, self.room(NUMBER))
            return place if out in (None, place) else self.add(copy, (place,), out)
        if isinstance(expression, Call):
            return self.call(expression.function, expression.arguments, out)
        if isinstance(expression, Symbol):
            raise KeyError(f"{expression} has no place")
        place = self.add(*self._fused(expression, out), out)
        if out is None:
            self.places[expression] = place
        return place

    def call(self, function: str, arguments: Sequence[Expression], out: Place | None) -> Place:
        """Add what computes a function of expressions, and return its place."""
        if function == "same":
            return self.compute(arguments[0], out)
        places = [self.compute(each, self._spare(out, each) if len(arguments) == 1 else None) for each in arguments]
        return self.add(function_of(function), tuple(places), out)

    def add(self, function: Function, arguments: tuple[Place, ...], out: Place | None) -> Place:
        """Add an instruction, and a copy where `out` has more elements than what is computed; return its place."""
        level = max(self.levels[each.room] for each in arguments)
        place = out if out is not None and self.levels[out.room] == level else self.room(level)
        self.instructions.append(Instruction(function, arguments, place))
        if out is None or place == out:
            return place
        self.instructions.append(Instruction(copy, (place,), out))
        return out

    def _fused(self, expression: Operation, out: Place | None) -> tuple[Function, tuple[Place, ...]]:
        operator, left, right = expression.operator, expression.left, expression.right
        if operator == "+" and _is(left, "*") and not _is(right, "*"):
            left, right = right, left
        if operator in "+-" and isinstance(right, Operation) and right.operator == "*" and not isinstance(left, Number):
            factor, other = right.left, right.right
            first = self.compute(left, self._spare(out, left))
            if operator == "+" and isinstance(other, Operation) and other.operator == "-" and other.right == left:
                return torch.lerp, (first, self.compute(other.left), self.compute(factor))
            function = ADD_PRODUCT if operator == "+" else SUBTRACT_PRODUCT
            return function, (first, self.compute(factor), self.compute(other))
        return BINARY[operator], (self.compute(left, self._spare(out, left)), self.compute(right))

    def _spare(self, out: Place | None, expression: Expression) -> Place | None:
        """Return `out` if a part of what it is for may be computed in it."""
        if out is None or not self.is_thrifty or isinstance(expression, Symbol | Number) or expression in self.places:
            return None
        owner = self.owners.get(out)
        is_free = owner is None or owner in symbols_of(expression)
        return out if is_free and self.level(expression) == self.levels[out.room] else None


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yield every operation and call in an expression, the innermost first."""
    if isinstance(expression, Operation | Call):
        inner = (expression.left, expression.right) if isinstance(expression, Operation) else expression.arguments
        for each in inner:
            yield from parts_of(each)
        yield expression


def _is(expression: Expression, operator: str) -> bool:
    return isinstance(expression, Operation) and expression.operator == operator


def joined(instructions: Iterable[Instruction]) -> list[Instruction]:
    """Return the instructions with those that apply one function to neighbouring blocks in place made one."""
    found: list[Instruction] = []
    for each in instructions:
        last = each
        for place, other in reversed(list(enumerate(found))):
            if _are_neighbours(other, last) and not any(_touches(later, other.out) for later in found[place + 1 :]):
                del found[place]
                first, n_blocks = min(other.out.first, last.out.first), other.out.n_blocks + last.out.n_blocks
                out = Place(last.out.room, first, n_blocks)
                last = Instruction(last.function, (out,), out)
        found.append(last)
    return found


def _are_neighbours(one: Instruction, other: Instruction) -> bool:
    a, b = one.out, other.out
    is_in_place = one.arguments == (a,) and other.arguments == (b,)
    is_next = a.room == b.room and (a.first + a.n_blocks == b.first or b.first + b.n_blocks == a.first)
    return one.function is other.function and is_in_place and is_next


def _touches(instruction: Instruction, place: Place) -> bool:
    return any(
        each.room == place.room
        and each.first < place.first + place.n_blocks
        and place.first < each.first + each.n_blocks
        for each in (*instruction.arguments, instruction.out)
    )


def carry_out(calls: Iterable[BoundCall], n_steps: int, *, is_backward: bool = False) -> None:
    """Carry out all calls at every step, from the first step to the last or back.

    Each call is an iterator over the steps, so that nothing is looked up at a step.
    """
    order: Callable[[Steps], Iterator[Tensor]] = reversed if is_backward else iter
    running = []
    for function, arguments, out in calls:
        if arguments[0] is out and function in IN_PLACE:
            running.append(map(IN_PLACE[function], *map(order, arguments)))
        else:
            running.append(map(_writing(function), order(out), *map(order, arguments)))
    for _ in range(n_steps):
        for call in running:
            next(call)


def _writing(function: Function) -> Function:
    def write(out: Tensor, *arguments: Tensor) -> None:
        function(*arguments, out=out)

    return write
