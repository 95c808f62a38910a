"""The backward stages of a step as sums of factor times gradient.

The gradients that a step hands out are linear in those that it is given, so a stage is a few such sums, each over
neighbouring slots of one room, and its factors can be computed for all steps at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from bench.cells.derivation import Backward, Derivation, Operand, gradient_of, waiting_of
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
)
from bench.kernels.bptt.code import Place

Form = dict[Symbol, Expression]
"""A linear form: gradient to its factor, which holds no gradient."""

SLOTS, AFTER = 0, 1
"""The room of most gradients of a step, and what the number of a room is raised by for those of the step after."""


@dataclass(frozen=True)
class Sum:
    """The gradient `given` times each of `factors`, for the neighbouring slots of `out`: put there first, or added."""

    out: Place
    given: Place
    factors: tuple[Expression, ...]
    is_first: bool


@dataclass(frozen=True)
class Own:
    """The gradient `given` times `factor`, added over all steps to the gradient of a vector of the cell's own."""

    name: str
    given: Place
    factor: Expression


@dataclass(frozen=True)
class Stage:
    """A backward stage."""

    sums: tuple[Sum, ...]
    own: tuple[Own, ...]


@dataclass(frozen=True)
class _Forms:
    """A backward stage as linear forms: lines that are sums, what is handed out, and own vectors."""

    lines: Mapping[Symbol, Form]
    handed: Mapping[Symbol, Form]
    own: Mapping[str, Form]


@dataclass(frozen=True)
class Gradients:
    """Where the gradients of a step stand, and the stages that compute them."""

    derivation: Derivation

    @cached_property
    def blocks(self) -> tuple[Symbol, ...]:
        """The first slots: gates whose input side has a gradient of its own, then the products by operand.

        Those that are made of the same gradients stand together, so that they are one sum.
        """
        own = [Symbol("input", gate) for gate in self.derivation.program.inputs if gate not in self.derivation.shared]
        groups = [own, *([Symbol("product", g) for g in operand.gates] for operand in self.derivation.operands)]
        return tuple(symbol for group in groups for symbol in self._together(group))

    def _together(self, symbols: list[Symbol]) -> list[Symbol]:
        made = {symbol: self._made_of(symbol) for symbol in symbols}
        states = [self._made_of(Symbol("state", name)) for name in self.derivation.program.states]
        order = list(dict.fromkeys(made.values()))
        return sorted(symbols, key=lambda symbol: (made[symbol] in states, order.index(made[symbol])))

    def _made_of(self, symbol: Symbol) -> tuple[tuple[int, Symbol], ...]:
        """Return the gradients that a slot is made of, each with the stage."""
        return tuple((s, each) for s, forms in enumerate(self._forms) for each in forms.handed.get(symbol, ()))

    @cached_property
    def slots(self) -> tuple[Symbol, ...]:
        """The blocks, then the states before the step, lines, and what waits for an earlier stage.

        States with a recurrent product have rooms of their own: such a product is fastest into one piece of memory.
        """
        states = [Symbol("state", name) for name in self.derivation.program.states if name not in self._multiplied]
        last = [self._made_of(block) for block in self.blocks[-1:]]
        states.sort(key=lambda state: self._made_of(state) not in last)  # beside blocks that are made of the same
        stand = {*self._in_place, *self._as_blocks}
        lines = [line for forms in self._forms for line in forms.lines if line not in stand]
        waiting = [each for forms in self._forms for each in forms.handed if each.kind == "gradient"]
        return (*self.blocks, *states, *lines, *waiting)

    @cached_property
    def _multiplied(self) -> dict[str, Place]:
        """The states with a recurrent product, and their places before the step."""
        names = [each.symbol.name for each in self.derivation.operands if each.symbol.kind == "state"]
        return {name: Place(2 * number) for number, name in enumerate(names, 1)}

    @cached_property
    def operands(self) -> dict[Symbol, Place]:
        """The places of the gradients of values with a recurrent product."""
        values = [each.symbol for each in self.derivation.operands if each.symbol.kind == "value"]
        return {symbol: Place(2 * number) for number, symbol in enumerate(values, 1 + len(self._multiplied))}

    @cached_property
    def rooms(self) -> dict[int, int]:
        """The rooms of what a step hands out, each with its number of slots."""
        return {SLOTS: len(self.slots), **{place.room: 1 for place in self._multiplied.values()}}

    def place_of_state(self, name: str, *, is_after: bool = False) -> Place:
        """Return the place of a state's gradient, before or after the step."""
        place = self._multiplied.get(name) or Place(SLOTS, self.slots.index(Symbol("state", name)))
        return place._replace(room=place.room + AFTER) if is_after else place

    @cached_property
    def input_blocks(self) -> tuple[int, ...]:
        """The block of each gate with an input preactivation."""
        shared = self.derivation.shared
        symbols = [Symbol("product" if gate in shared else "input", gate) for gate in self.derivation.program.inputs]
        return tuple(self.blocks.index(symbol) for symbol in symbols)

    def span(self, operand: Operand) -> tuple[int, int]:
        """Return the first block of an operand's products and the one after the last."""
        places = [self.blocks.index(Symbol("product", gate)) for gate in operand.gates]
        return min(places), max(places) + 1

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The backward stages, by stage."""
        written = {self.place_of_state(self.derivation.program.states[0])}  # the gradients of the outputs
        last_first = []
        for stage, forms in reversed(list(enumerate(self._forms))):
            last_first.append(self._stage(stage, forms, written))
            products = [each.symbol for each in self.derivation.operands if each.stage == stage]
            written |= {self.place_of_state(symbol.name) for symbol in products if symbol.kind == "state"}
        return tuple(reversed(last_first))

    @cached_property
    def empty(self) -> tuple[Place, ...]:
        """The places that nothing is put into before something is added."""
        started = {p for stage in self.stages for each in stage.sums if each.is_first for p in _blocks(each.out)}
        return tuple(
            Place(room, i) for room, n in self.rooms.items() for i in range(n) if Place(room, i) not in started
        )

    @cached_property
    def factors(self) -> tuple[Expression, ...]:
        """All factors, stage by stage: those of the sums, then those of the cell's own vectors."""
        sums = [factor for stage in self.stages for each in stage.sums for factor in each.factors]
        return (*sums, *(each.factor for stage in self.stages for each in stage.own))

    @cached_property
    def _forms(self) -> tuple[_Forms, ...]:
        shared = self.derivation.shared
        return tuple(_forms_of(found, stage, shared) for stage, found in enumerate(self.derivation.backward))

    @cached_property
    def _in_place(self) -> dict[Symbol, str]:
        """Lines that are the gradient of a state after the step and something more, which nothing else uses."""
        forms = [form for each in self._forms for part in (each.lines, each.handed, each.own) for form in part.values()]
        return {
            line: name
            for each in self._forms
            for line, form in each.lines.items()
            for name in self.derivation.program.states
            if form.get(_after(name)) == ONE and sum(_after(name) in other for other in forms) == 1
        }

    @cached_property
    def _as_blocks(self) -> dict[Symbol, Symbol]:
        """Lines that are the gradient of a block, by line."""
        return {
            line: symbol
            for each in self._forms
            for line in each.lines
            if line not in self._in_place
            for symbol in self.blocks
            if each.handed.get(symbol) == {line: ONE}
        }

    def _stage(self, stage: int, forms: _Forms, written: set[Place]) -> Stage:
        runs = [(self._place(line, stage), [form]) for line, form in forms.lines.items()]
        handed = [(self._handed(symbol), form) for symbol, form in forms.handed.items() if form]
        runs += _runs(sorted(each for each in handed if [self._place(s, stage) for s in each[1]] != [each[0]]))
        sums = []
        for out, run in runs:
            for symbol in run[0]:
                given = self._place(symbol, stage)
                if given == out:  # a line in place of what it is added to
                    continue
                is_first = out.room in self.rooms and written.isdisjoint(_blocks(out))
                sums.append(Sum(out, given, tuple(form[symbol] for form in run), is_first))
                written |= _blocks(out)
        own = [Own(name, self._place(g, stage), f) for name, form in forms.own.items() for g, f in form.items()]
        return Stage(tuple(sums), tuple(own))

    def _handed(self, symbol: Symbol) -> Place:
        """Return where a gradient stands that a stage hands out."""
        return self.place_of_state(symbol.name) if symbol.kind == "state" else Place(SLOTS, self.slots.index(symbol))

    def _place(self, symbol: Symbol, stage: int) -> Place:
        """Return where a gradient stands that a stage is given."""
        if symbol in self._in_place:
            return self.place_of_state(self._in_place[symbol], is_after=True)
        if symbol in self._as_blocks:
            return self._handed(self._as_blocks[symbol])
        for name in self.derivation.program.states:
            if symbol == _after(name):
                return self.place_of_state(name, is_after=True)
        for operand, place in self.operands.items():
            if symbol == gradient_of(operand):
                return place
        return Place(SLOTS, self.slots.index(symbol if symbol in self.slots else _from(stage + 1, symbol)))


def _blocks(place: Place) -> set[Place]:
    return {Place(place.room, place.first + i) for i in range(place.n_blocks)}


def _after(state: str) -> Symbol:
    return gradient_of(Symbol("state", state))


def _from(stage: int, waiting: Symbol) -> Symbol:
    """Return what a stage has added to a gradient that waits."""
    return Symbol("gradient", f"{waiting.name}_from_{stage}")


def _runs(handed: Iterable[tuple[Place, Form]]) -> Iterator[tuple[Place, list[Form]]]:
    """Yield neighbouring places whose forms are of the same gradients as one, and the forms."""
    run: list[tuple[Place, Form]] = []
    for place, form in handed:
        if run and (place != run[-1][0]._replace(first=run[-1][0].first + 1) or tuple(form) != tuple(run[0][1])):
            yield run[0][0]._replace(n_blocks=len(run)), [each for _, each in run]
            run = []
        run.append((place, form))
    if run:
        yield run[0][0]._replace(n_blocks=len(run)), [each for _, each in run]


def _forms_of(found: Backward, stage: int, shared: Collection[str]) -> _Forms:
    forms: dict[Symbol, Form] = {}
    lines: dict[Symbol, Form] = {}
    for symbol, expression in found.lines:
        form = _form(expression, forms)
        if len(form) > 1:  # summed once, also because it rounds less where the terms cancel
            lines[symbol], form = form, {symbol: ONE}
        forms[symbol] = form
    handed = {Symbol("input", name): each for name, each in found.inputs.items() if name not in shared}
    handed |= {Symbol("product", name): each for name, each in found.products.items()}
    handed |= {Symbol("state", name): each for name, each in found.states.items()}
    handed |= {_from(stage, waiting_of(symbol)): each for symbol, each in found.waiting.items()}
    blocks: dict[Symbol, Form] = {
        each: {symbol: ONE}
        for symbol, each in handed.items()
        if symbol.kind in ("input", "product") and isinstance(each, Symbol)  # whatever else is handed out is added to
    }
    return _Forms(
        lines,
        {symbol: _form(each, forms) for symbol, each in handed.items()},
        {name: _form(each, {**forms, **blocks}) for name, each in found.own.items()},
    )


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
