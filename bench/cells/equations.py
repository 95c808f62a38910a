"""The equations of a cell, read as data: Python's syntax against a list of what is allowed, and never executed.

A line reads `name = expression`. `x.g` is the input preactivation of gate g (W x, and the bias where there is one),
`U.g(operand)` a recurrent product (U operand, and the recurrent bias where there is one), `p.v` the cell's own vector
v, and a state's name its value before the step until the line that gives it anew.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bench.cells.conditions import Fields, Value
from bench.cells.expressions import (
    FUNCTIONS,
    Expression,
    Number,
    Operation,
    Symbol,
    add,
    divide,
    multiply,
    subtract,
    symbols_of,
)
from bench.cells.lines import NAMESPACES, Line, check_name, check_uses, lines_of, meaning_of, shortened, uses_of
from bench.cells.program import Node, Program
from bench.core.errors import ConfigError, did_you_mean

MOST_DEPTH, MOST_GATES, MOST_LEVELS = 30, 24, 12
"""Limits that no cell of the literature comes near: of nesting, of x.g, U.g and p.v each, of products in a row."""

LARGEST = 1e6
"""Of a number."""

NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,3})?")
OPERATIONS = {ast.Add: add, ast.Sub: subtract, ast.Mult: multiply, ast.Div: divide}


def program_of(
    equations: str,
    states: tuple[str, ...],
    fields: Mapping[str, Value],
    where: str,
    *,
    choices: Mapping[str, tuple[str, ...]] | None = None,
) -> Program:
    """Return the program of some equations at given fields; `choices` are the words that a field may be.

    Raises ConfigError naming the line.
    """
    lines = lines_of(equations, where)
    reader = _Reader(states, Fields(fields, choices or {}), where, lines, uses_of(lines, states))
    for place in range(len(lines)):
        reader.read(place)
    check_uses(lines, states, where)
    return reader.program()


@dataclass
class _Reader:
    """Reads line by line; `names` holds what a name stands for so far, `levels` how many products a value waits for.

    `constant` are symbols that no state and no input changes.
    """

    states: tuple[str, ...]
    fields: Fields
    where: str
    lines: list[Line]
    uses: list[int]
    names: dict[str, Expression] = field(default_factory=dict)
    inputs: dict[str, None] = field(default_factory=dict)
    own: dict[str, None] = field(default_factory=dict)
    products: dict[str, Symbol] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    levels: dict[Symbol, int] = field(default_factory=dict)
    constant: set[Symbol] = field(default_factory=set)
    given: set[str] = field(default_factory=set)
    place: int = 0

    def __post_init__(self) -> None:
        self.names = {state: Symbol("state", state) for state in self.states}

    @property
    def line(self) -> Line:
        return self.lines[self.place]

    @property
    def at(self) -> str:
        return f"{self.where}, line {self.line.number}"

    def read(self, place: int) -> None:
        """Read an equation."""
        self.place = place
        name = self.line.name
        if name in self.fields.values or meaning_of(name):
            meaning = meaning_of(name) or "is a field of the cell"
            raise self._error(f"`{name}` {meaning}, and cannot be given a value")
        value = self._value(self.line.value, 0)
        if isinstance(value, Operation) and self.uses[place] > 1:
            value = self._node("same", (value,))
        self.names[name] = value
        self.given.add(name)

    def program(self) -> Program:
        """Return what was read. Raises ConfigError where a state stays as it was, or the step reads no input."""
        outputs = tuple(self.names[state] for state in self.states)
        for state, output in zip(self.states, outputs, strict=True):
            if output == Symbol("state", state):
                raise ConfigError(self.where, f"the state `{state}` is the same after the step as before it")
        used = self._reached(outputs)
        inputs = tuple(name for name in self.inputs if Symbol("input", name) in used)
        own = tuple(name for name in self.own if Symbol("own", name) in used)
        if not inputs:
            raise ConfigError(self.where, "must use an input preactivation, such as x.h; none does")
        products = {gate: operand for gate, operand in self.products.items() if Symbol("product", gate) in used}
        nodes = tuple(node for node in self.nodes if node.symbol in used)
        named = {name: value for name, value in self.names.items() if name in self.given}
        return Program(self.states, inputs, products, own, nodes, outputs, named)

    def _reached(self, outputs: tuple[Expression, ...]) -> set[Symbol]:
        """Return the symbols that the states after the step depend on."""
        made_of = {node.symbol: node.arguments for node in self.nodes}
        reached: set[Symbol] = set()
        left = [symbol for output in outputs for symbol in symbols_of(output)]
        while left:
            symbol = left.pop()
            if symbol in reached:
                continue
            reached.add(symbol)
            parts = (self.products[symbol.name],) if symbol.kind == "product" else made_of.get(symbol, ())
            left += [each for part in parts for each in symbols_of(part)]
        return reached

    def _value(self, node: ast.expr, depth: int) -> Expression:
        if depth > MOST_DEPTH:
            raise self._error(f"is nested more than {MOST_DEPTH} deep; give a part of it a name in a line of its own")
        if isinstance(node, ast.Constant) and type(node.value) in (int, float, complex):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NAMESPACES:
            return self._attribute(node.value.id, node.attr)
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            return self._operation(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return subtract(Number(0.0), self._value(node.operand, depth + 1))
        if isinstance(node, ast.IfExp):
            return self._value(node.body if self.fields.hold(node.test, self.line, self.at) else node.orelse, depth + 1)
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node, depth)
        raise self._not_allowed(node)

    def _number(self, node: ast.Constant) -> Number:
        text = ast.get_source_segment(self.line.text, node) or ""
        if not NUMBER.fullmatch(text) or not abs(value := float(text)) < LARGEST:
            allowed = f"a number is written as 2, 0.5 or 1e-3, and below {LARGEST:g}"
            raise self._error(f"`{shortened(text)}` is not allowed; {allowed}")
        return Number(value)

    def _operation(self, node: ast.BinOp, depth: int) -> Expression:
        left, right = self._value(node.left, depth + 1), self._value(node.right, depth + 1)
        if isinstance(node.op, ast.Div) and right == Number(0.0):
            raise self._error(f"`{self.line.shown(node)}` divides by zero")
        found = OPERATIONS[type(node.op)](left, right)
        if isinstance(found, Number) and not abs(found.value) < LARGEST:
            raise self._error(f"`{self.line.shown(node)}` is {found.value:g}; a number must be below {LARGEST:g}")
        return found

    def _named(self, name: str) -> Expression:
        if name in self.names:
            return self.names[name]
        if name in self.fields.values:
            value = self.fields.values[name]
            if isinstance(value, float):
                return Number(value)
            raise self._error(f"the field `{name}` is no number, and can only stand in a condition")
        if meaning := meaning_of(name):
            raise self._error(f"`{name}` {meaning}, and is no value by itself")
        later = [line.number for line in self.lines[self.place :] if line.name == name]
        if later:
            raise self._error(f"`{name}` is read here, and only line {later[0]} gives it a value")
        raise self._error(
            f"unknown name `{name}`; {did_you_mean(name, [*self.names, *FUNCTIONS, *self.fields.values])}"
        )

    def _attribute(self, space: str, name: str) -> Symbol:
        if space == "U":
            raise self._error(
                f"U.{name} is a recurrent product and needs an operand, such as U.{name}({self.states[0]})"
            )
        found = self.inputs if space == "x" else self.own
        self._check_new(space, name, found)
        found[name] = None
        symbol = Symbol("input" if space == "x" else "own", name)
        if space == "p":
            self.constant.add(symbol)
        return symbol

    def _check_new(self, space: str, name: str, found: Iterable[str]) -> None:
        """Refuse a gate's input, product or own vector that is there already, mostly a name left as it was copied."""
        check_name(name, self.at)
        names = list(found)
        if name in names:
            once = f"{space}.{name}{'(...)' if space == 'U' else ''}"
            problem = f"{space}.{name} is used twice; each has weights of its own, under a name of its own"
            raise self._error(f"{problem}; to use one twice, give it a name: `a = {once}`")
        if len(names) == MOST_GATES:
            raise self._error(f"{space}.{name} is one too many: at most {MOST_GATES} of them")

    def _call(self, node: ast.Call, depth: int) -> Expression:
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "U":
            if len(node.args) != 1:
                raise self._error(f"U.{function.attr} takes one operand, got {len(node.args)}")
            return self._product(function.attr, node.args[0], depth)
        if not isinstance(function, ast.Name):
            raise self._not_allowed(node)
        if function.id not in FUNCTIONS:
            raise self._error(f"unknown function `{function.id}`; {did_you_mean(function.id, FUNCTIONS)}")
        if len(node.args) != FUNCTIONS[function.id]:
            wanted = "one argument" if FUNCTIONS[function.id] == 1 else "two arguments"
            raise self._error(f"`{function.id}` takes {wanted}, got {len(node.args)}")
        arguments = tuple(self._value(each, depth + 1) for each in node.args)
        if all(isinstance(each, Number) for each in arguments):
            raise self._error(f"`{self.line.shown(node)}` is a function of numbers alone; write the number that it is")
        return self._node(function.id, arguments)

    def _product(self, gate: str, node: ast.expr, depth: int) -> Symbol:
        operand = self._value(node, depth + 1)
        self._check_new("U", gate, self.products)
        self._check_operand(gate, node, operand)
        held = operand
        if not isinstance(held, Symbol) or held.kind not in ("state", "value"):
            held = self._node("same", (operand,))
        symbol = Symbol("product", gate)
        self.products[gate], self.levels[symbol] = held, self.levels.get(held, 0) + 1
        if self.levels[symbol] > MOST_LEVELS:
            raise self._error(f"U.{gate} is nested too deep: at most {MOST_LEVELS} recurrent products in a row")
        return symbol

    def _check_operand(self, gate: str, node: ast.expr, operand: Expression) -> None:
        """Refuse what a recurrent product of would be no more than other weights."""
        kind = operand.kind if isinstance(operand, Symbol) else ""
        got = {"input": "an input preactivation", "product": "a recurrent product"}.get(kind, "")
        if self.constant.issuperset(symbols_of(operand)):
            got = "a vector that is the same at each step" if symbols_of(operand) else "a number"
        if got:
            allowed = "a state, or a value that is computed from one"
            raise self._error(f"the operand of U.{gate} must be {allowed}, got {got}, `{self.line.shown(node)}`")

    def _node(self, function: str, arguments: tuple[Expression, ...]) -> Symbol:
        for node in self.nodes:
            if (node.function, node.arguments) == (function, arguments):
                return node.symbol
        symbol = Symbol("value", f"v{len(self.nodes)}")
        self.nodes.append(Node(symbol, function, arguments))
        parts = {each for argument in arguments for each in symbols_of(argument)}
        self.levels[symbol] = max((self.levels.get(each, 0) for each in parts), default=0)
        if parts <= self.constant:
            self.constant.add(symbol)
        return symbol

    def _not_allowed(self, node: ast.expr) -> ConfigError:
        functions = ", ".join(FUNCTIONS)
        allowed = f"allowed are names, numbers, + - * /, `a if field else b`, x.g, U.g(...), p.v and {functions}"
        return self._error(f"`{self.line.shown(node)}` is not allowed; {allowed}")

    def _error(self, problem: str) -> ConfigError:
        return ConfigError(self.at, problem)
