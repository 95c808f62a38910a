"""The C++ of a cell: its pointwise equations, forward and backward, printed from its derivation.

What each stage reads and writes is in `step.h`; operands stand in the order of the equations, which decides the last
bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from bench.cells.cell import Cell
from bench.cells.derivation import Backward, Derivation, gradient_of, waiting_of
from bench.cells.expressions import Call, Expression, Number, Operation, Symbol, symbols_of
from bench.cells.program import Node

PREFIX = {"input": "x_", "product": "u_", "own": "p_", "state": "s_", "value": "", "gradient": "g_"}
FUNCTIONS = {"sigmoid": "sigmoid", **{name: f"{name}_" for name in ("tanh", "relu", "exp", "log", "softplus", "abs")}}
FUNCTIONS |= {"max": "max_", "min": "min_", "above": "above_"}
PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


def source_of(cell: Cell) -> str:
    """Return the header that the library of a cell is compiled with; equal for cells of equal equations."""
    return _Printer(cell.derivation).text()


def digest_of_source(text: str) -> str:
    """Return the digest of a header."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Printer:
    """Prints a derivation; places of blocks and saved values are fixed once."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation, self.program = derivation, derivation.program
        self.products = [gate for operand in derivation.operands for gate in operand.gates]
        shared = set(derivation.shared)
        self.inputs = [gate for gate in self.program.inputs if gate not in shared]
        self.blocks = [*(Symbol("input", gate) for gate in self.inputs), *(Symbol("product", g) for g in self.products)]
        self.inputs += [gate for gate in self.products if gate in shared]
        self.input_blocks = [
            self.blocks.index(Symbol("product" if gate in shared else "input", gate)) for gate in self.inputs
        ]
        self.nodes = {node.symbol: node for node in self.program.nodes}
        self.operands = {operand.symbol: place for place, operand in enumerate(derivation.operands)}

    @cached_property
    def outputs(self) -> dict[Symbol, int]:
        """Values that are a state after the step."""
        return {each: i for i, each in enumerate(self.program.outputs) if isinstance(each, Symbol)}

    @cached_property
    def slots(self) -> dict[Symbol, int]:
        """What is kept of a step, each with its place: values that later stages need and cannot find or make anew."""
        needed: dict[Symbol, None] = {}
        for backward in self.derivation.backward:
            for expression in backward.expressions:
                needed |= self._made_of(expression, self._is_kept_backward)
        for stage, nodes in enumerate(self.derivation.forward):
            for expression in self._forward_expressions(stage, nodes):
                for symbol in symbols_of(expression):
                    if symbol.kind in ("value", "product") and self.derivation.stage_of(symbol) < stage:
                        needed |= self._made_of(symbol, self._is_kept_forward)
        waiting = [waiting_of(symbol) for stage in self.derivation.backward for symbol in stage.waiting]
        return {symbol: place for place, symbol in enumerate([*needed, *dict.fromkeys(waiting)])}

    def _made_of(self, expression: Expression, is_kept: Callable[[Symbol], bool]) -> dict[Symbol, None]:
        found: dict[Symbol, None] = {}
        for symbol in symbols_of(expression):
            if symbol.kind not in ("value", "product") or is_kept(symbol):
                continue
            node = self.nodes.get(symbol)
            if node is not None and node.function == "same":
                found |= self._made_of(node.arguments[0], is_kept)
            else:
                found[symbol] = None
        return found

    def _is_kept_backward(self, symbol: Symbol) -> bool:
        return symbol in self.outputs or symbol in self.operands

    def _is_kept_forward(self, symbol: Symbol) -> bool:
        return symbol in self.operands

    def _forward_expressions(self, stage: int, nodes: Iterable[Node]) -> list[Expression]:
        found = [argument for node in nodes for argument in node.arguments]
        return [*found, *self.program.outputs] if stage == self.derivation.n_stages - 1 else found

    def text(self) -> str:
        """Return the whole header."""
        derivation, program = self.derivation, self.program
        rows = list(program.products)
        operands = derivation.operands
        firsts = [sum(len(each.gates) for each in operands[:place]) for place in range(len(operands))]
        states = [program.states.index(o.symbol.name) if o.symbol.kind == "state" else -1 for o in operands]
        counts = {
            "STATES": len(program.states),
            "INPUTS": len(self.inputs),
            "PRODUCTS": len(self.products),
            "OPERANDS": len(operands),
            "OWN": len(program.own),
            "SAVED": len(self.slots),
            "BLOCKS": len(self.blocks),
            "STAGES": derivation.n_stages,
        }
        lists = {
            "INPUT_ROW": [program.inputs.index(gate) for gate in self.inputs],
            "INPUT_BLOCK": self.input_blocks,
            "PRODUCT_ROW": [rows.index(gate) for gate in self.products],
            "PRODUCT_BLOCK": [self.blocks.index(Symbol("product", gate)) for gate in self.products],
            "OPERAND_FIRST": firsts,
            "OPERAND_COUNT": [len(operand.gates) for operand in operands],
            "OPERAND_STAGE": [operand.stage for operand in operands],
            "OPERAND_STATE": states,
        }
        lines = ["struct Cell {"]
        lines += [f"    static constexpr int {', '.join(f'{name} = {n}' for name, n in counts.items())};"]
        lines += [
            f"    static constexpr int {name}[] = {{{', '.join(map(str, v)) or '0'}}};" for name, v in lists.items()
        ]
        for stage, nodes in enumerate(derivation.forward):
            lines += self._function("forward", stage, ", const Vec<T>* u", self._forward(stage, nodes))
        for stage, backward in enumerate(derivation.backward):
            lines += self._function("backward", stage, "", self._backward(stage, backward))
        for kind, more in (("forward", ", const Vec<T>* u"), ("backward", "")):
            call = "at, u" if more else "at"
            cases = [f"if constexpr (S == {s}) {kind}_{s}<T>({call});" for s in range(derivation.n_stages)]
            lines += [f"    template <int S, class T> static void {kind}(const At<T, Cell>& at{more}) {{"]
            lines += [*(f"        {case}" for case in cases), "    }"]
        return "\n".join([*lines, "};", ""])

    @staticmethod
    def _function(kind: str, stage: int, more: str, body: Iterable[str]) -> list[str]:
        head = f"    template <class T> static void {kind}_{stage}(const At<T, Cell>& at{more}) {{"
        return [head, *(f"        {line}" for line in body), "    }"]

    def _forward(self, stage: int, nodes: tuple[Node, ...]) -> Iterator[str]:
        known: set[Symbol] = set()
        gates = [gate for operand in self.derivation.operands if operand.stage == stage for gate in operand.gates]
        for place, gate in enumerate(gates):
            known.add(Symbol("product", gate))
            yield f"Vec<T> u_{gate} = u[{place}];"
        for node in nodes:
            yield from self._declared(node.arguments, known, stage)
            known.add(node.symbol)
            yield f"Vec<T> {_name(node.symbol)} = {self._value(node)};"
        for symbol, place in self.slots.items():
            if symbol.kind != "gradient" and self.derivation.stage_of(symbol) == stage:
                yield f"at.save({place}, {_name(symbol)});"
        for symbol, place in self.operands.items():
            if symbol.kind == "value" and self.derivation.stage_of(symbol) == stage:
                yield f"at.operand({place}, {_name(symbol)});"
        if stage == self.derivation.n_stages - 1:
            yield from self._declared(self.program.outputs, known, stage)
            for place, output in enumerate(self.program.outputs):
                yield f"at.next({place}, {_vector(output)});"

    def _value(self, node: Node) -> str:
        if node.function == "same":
            return _vector(node.arguments[0])
        return f"{FUNCTIONS[node.function]}({', '.join(_vector(each) for each in node.arguments)})"

    def _backward(self, stage: int, backward: Backward) -> Iterator[str]:
        known: set[Symbol] = set()
        is_first = stage == self.derivation.n_stages - 1
        yield from self._declared(backward.expressions, known | {symbol for symbol, _ in backward.lines}, None)
        for symbol, expression in backward.lines:
            yield f"Vec<T> {_name(symbol)} = {_vector(expression)};"
        for block, symbol in enumerate(self.blocks):
            part = backward.inputs if symbol.kind == "input" else backward.products
            if symbol.name in part:
                yield f"at.d({block}, {_vector(part[symbol.name])});"
        for name, expression in backward.own.items():
            yield f"at.add_d_own({self.program.own.index(name)}, {_vector(expression)});"
        for symbol, expression in backward.waiting.items():
            yield f"at.save({self.slots[waiting_of(symbol)]}, {_vector(expression)});"
        for place, state in enumerate(self.program.states):
            if is_first:
                found = _vector(backward.states[state]) if state in backward.states else "Vec<T>{}"
                yield f"at.carry({place}, {found});"
            elif state in backward.states:
                yield f"at.carry({place}, at.carry({place}) + {_text(backward.states[state], 2)});"

    def _declared(self, expressions: Iterable[Expression], known: set[Symbol], stage: int | None) -> Iterator[str]:
        """Yield the declarations of what expressions are made of and is not known yet; `stage` is None backward."""
        for expression in expressions:
            for symbol in symbols_of(expression):
                if symbol in known:
                    continue
                if (place := self._place(symbol, stage)) is not None:
                    yield f"Vec<T> {_name(symbol)} = {place};"
                else:
                    node = self.nodes[symbol]
                    yield from self._declared(node.arguments, known, stage)
                    yield f"Vec<T> {_name(symbol)} = {self._value(node)};"
                known.add(symbol)

    def _place(self, symbol: Symbol, stage: int | None) -> str | None:
        """Return where a symbol's value is read, None where it is made anew."""
        if symbol.kind == "input":
            return f"at.wx({self.inputs.index(symbol.name)})"
        if symbol.kind == "own":
            return f"at.own({self.program.own.index(symbol.name)})"
        if symbol.kind == "state":
            return f"at.prev({self.program.states.index(symbol.name)})"
        if symbol.kind == "gradient":
            return self._gradient(symbol)
        if stage is None and symbol in self.outputs:
            return f"at.next({self.outputs[symbol]})"
        if symbol in self.operands:
            return f"at.operand({self.operands[symbol]})"
        return f"at.saved({self.slots[symbol]})" if symbol in self.slots else None

    def _gradient(self, symbol: Symbol) -> str:
        if symbol in self.slots:
            return f"at.saved({self.slots[symbol]})"
        for place, state in enumerate(self.program.states):
            if symbol == gradient_of(Symbol("state", state)):
                return "at.d_h()" if place == 0 else f"at.carry({place})"
        (place,) = (place for each, place in self.operands.items() if gradient_of(each) == symbol)
        return f"at.d_operand({place})"


def _name(symbol: Symbol) -> str:
    return f"{PREFIX[symbol.kind]}{symbol.name}"


def _vector(expression: Expression) -> str:
    """Return an expression as a vector, which a number alone is not."""
    return f"broadcast({_text(expression, 0)})" if isinstance(expression, Number) else _text(expression, 0)


def _text(expression: Expression, precedence: int) -> str:
    if isinstance(expression, Symbol):
        return _name(expression)
    if isinstance(expression, Number):
        return f"T({expression.value!r})"
    if isinstance(expression, Call):
        return f"{FUNCTIONS[expression.function]}({', '.join(_vector(each) for each in expression.arguments)})"
    return _operation(expression, precedence)


def _operation(expression: Operation, precedence: int) -> str:
    own = PRECEDENCE[expression.operator]
    if expression.operator == "-" and expression.left == Number(0.0):
        text = f"-{_text(expression.right, 3)}"
    else:
        text = f"{_text(expression.left, own)} {expression.operator} {_text(expression.right, own + 1)}"
    return f"({text})" if own < precedence else text
