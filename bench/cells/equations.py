"""The equations of a cell, read as data: Python's syntax against a list of what is allowed, and never executed.

A line reads `name = expression`. `x.g` is the input preactivation of gate g (W x + b), `U.g(operand)` a recurrent
product (U operand, and the recurrent bias where there is one), `p.v` the cell's own vector v, and a state's name its
value before the step until the line that gives it anew.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

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
from bench.core.errors import ConfigError, did_you_mean

Value = bool | float | str
"""Of a field."""

MOST_LINES, MOST_CHARACTERS, MOST_DEPTH, MOST_PRODUCTS = 40, 4000, 30, 24
"""Limits that no cell of the literature comes near, and that keep a file from elsewhere cheap to read."""

NAMESPACES = {"x": "input preactivations, x.g", "U": "recurrent products, U.g(operand)", "p": "own vectors, p.v"}
OPERATIONS = {ast.Add: add, ast.Sub: subtract, ast.Mult: multiply, ast.Div: divide}


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


def program_of(equations: str, states: tuple[str, ...], fields: Mapping[str, Value], where: str) -> Program:
    """Return the program of some equations at given fields. Raises ConfigError naming the line."""
    lines = _lines(equations, where)
    reader = _Reader(states, fields, where, _uses(lines, states))
    for number, line in lines:
        reader.read(number, line)
    return reader.program()


def mentioned(equations: str, space: str) -> list[str]:
    """Return the gates `x.g` or `U.g` of some equations that were read, whatever the fields are."""
    nodes = [node for _, line in _lines(equations, "") for node in ast.walk(line.value)]
    names = [node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == space]
    return list(dict.fromkeys(names))


def _lines(equations: str, where: str) -> list[tuple[int, ast.Assign]]:
    if len(equations) > MOST_CHARACTERS or equations.count("\n") > MOST_LINES:
        raise ConfigError(where, f"must be at most {MOST_LINES} lines and {MOST_CHARACTERS:,} characters")
    found = []
    for number, text in enumerate(equations.splitlines(), 1):
        if not text.strip() or text.strip().startswith("#"):
            continue
        try:
            body = ast.parse(text.strip()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            problem = f"is no equation: {getattr(error, 'msg', error)}; got `{_short(text)}`"
            raise ConfigError(f"{where}, line {number}", problem) from error
        statement = body[0] if len(body) == 1 else None
        if not (isinstance(statement, ast.Assign) and len(statement.targets) == 1 and _target(statement)):
            raise ConfigError(f"{where}, line {number}", f"must read `name = expression`, got `{_short(text)}`")
        found.append((number, statement))
    if not found:
        raise ConfigError(where, "must be at least one equation, got none")
    return found


def _target(line: ast.Assign) -> str:
    """Return the name that a line gives a value, "" if it gives something else one."""
    target = line.targets[0]
    return target.id if isinstance(target, ast.Name) else ""


def _uses(lines: list[tuple[int, ast.Assign]], states: tuple[str, ...]) -> list[int]:
    """Return how often the value of each line is used later, as a state after the step too."""
    uses = [0] * len(lines)
    named: dict[str, int] = {}
    for place, (_, line) in enumerate(lines):
        names = Counter(node.id for node in ast.walk(line.value) if isinstance(node, ast.Name))
        for name, count in names.items():
            if name in named:
                uses[named[name]] += count
        named[_target(line)] = place
    for state in states:
        if state in named:
            uses[named[state]] += 1
    return uses


@dataclass
class _Reader:
    """Reads line by line; `names` holds what a name stands for so far."""

    states: tuple[str, ...]
    fields: Mapping[str, Value]
    where: str
    uses: list[int]
    names: dict[str, Expression] = field(default_factory=dict)
    inputs: dict[str, None] = field(default_factory=dict)
    own: dict[str, None] = field(default_factory=dict)
    products: dict[str, Symbol] = field(default_factory=dict)
    nodes: list[Node] = field(default_factory=list)
    given: set[str] = field(default_factory=set)
    line: int = 0
    place: int = 0

    def __post_init__(self) -> None:
        self.names = {state: Symbol("state", state) for state in self.states}

    def read(self, number: int, line: ast.Assign) -> None:
        """Read an equation."""
        self.line = number
        name = _target(line)
        if name in NAMESPACES or name in FUNCTIONS or name in self.fields:
            raise self._error(f"`{name}` has a meaning of its own and cannot be given a value")
        value = self._value(line.value, 0)
        if isinstance(value, Operation) and self.uses[self.place] > 1:
            value = self._node("same", (value,))
        self.names[name] = value
        self.given.add(name)
        self.place += 1

    def program(self) -> Program:
        """Return what was read. Raises ConfigError where a state was not given anew, or the step reads nothing."""
        missing = [state for state in self.states if state not in self.given]
        if missing:
            raise ConfigError(self.where, f"must give the state `{missing[0]}` anew; no line does")
        outputs = tuple(self.names[state] for state in self.states)
        used = self._reached(outputs)
        inputs, own = ([name for name in names if Symbol(kind, name) in used] for kind, names in self._leaves())
        if not inputs:
            raise ConfigError(self.where, "must use an input preactivation, such as x.h; none does")
        products = {gate: operand for gate, operand in self.products.items() if Symbol("product", gate) in used}
        nodes = tuple(node for node in self.nodes if node.symbol in used)
        named = {name: value for name, value in self.names.items() if name in self.given}
        return Program(self.states, tuple(inputs), products, tuple(own), nodes, outputs, named)

    def _leaves(self) -> tuple[tuple[Literal["input", "own"], dict[str, None]], ...]:
        return ("input", self.inputs), ("own", self.own)

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
            raise self._error(f"is nested more than {MOST_DEPTH} deep")
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and abs(node.value) < 1e6:
            return Number(float(node.value))
        if isinstance(node, ast.Name):
            return self._named(node.id)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("x", "p"):
            return self._attribute(node.value.id, node.attr)
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            return OPERATIONS[type(node.op)](self._value(node.left, depth + 1), self._value(node.right, depth + 1))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return subtract(Number(0.0), self._value(node.operand, depth + 1))
        if isinstance(node, ast.IfExp):
            return self._value(node.body if self._holds(node.test) else node.orelse, depth + 1)
        if isinstance(node, ast.Call) and not node.keywords:
            return self._call(node, depth)
        raise self._not_allowed(node)

    def _named(self, name: str) -> Expression:
        if name in self.names:
            return self.names[name]
        if name in self.fields:
            value = self.fields[name]
            if isinstance(value, float):
                return Number(value)
            raise self._error(f"the field `{name}` is no number, and can only stand in a condition")
        if name in NAMESPACES:
            raise self._error(f"`{name}` stands for {NAMESPACES[name]}")
        known = [*self.names, *FUNCTIONS, *self.fields]
        raise self._error(f"unknown name `{name}`; {did_you_mean(name, known)}")

    def _attribute(self, space: str, name: str) -> Symbol:
        (self.inputs if space == "x" else self.own)[name] = None
        return Symbol("input" if space == "x" else "own", name)

    def _call(self, node: ast.Call, depth: int) -> Expression:
        function = node.func
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "U":
            if len(node.args) != 1:
                raise self._error(f"U.{function.attr} takes one operand, got {len(node.args)}")
            return self._product(function.attr, self._value(node.args[0], depth + 1))
        if not isinstance(function, ast.Name):
            raise self._not_allowed(node)
        if function.id not in FUNCTIONS:
            raise self._error(f"unknown function `{function.id}`; {did_you_mean(function.id, FUNCTIONS)}")
        if len(node.args) != FUNCTIONS[function.id]:
            wanted = "one argument" if FUNCTIONS[function.id] == 1 else "two arguments"
            raise self._error(f"`{function.id}` takes {wanted}, got {len(node.args)}")
        return self._node(function.id, tuple(self._value(each, depth + 1) for each in node.args))

    def _product(self, gate: str, operand: Expression) -> Symbol:
        if gate in self.products:
            raise self._error(f"U.{gate} is used twice; each product has weights of its own, under a name of its own")
        if len(self.products) == MOST_PRODUCTS:
            raise self._error(f"has more than {MOST_PRODUCTS} recurrent products")
        if isinstance(operand, Number):
            raise self._error(f"the operand of U.{gate} must hold a state or a gate, got a number")
        is_held = isinstance(operand, Symbol) and operand.kind in ("state", "value")
        self.products[gate] = operand if is_held else self._node("same", (operand,))  # type: ignore[assignment]
        return Symbol("product", gate)

    def _node(self, function: str, arguments: tuple[Expression, ...]) -> Symbol:
        for node in self.nodes:
            if (node.function, node.arguments) == (function, arguments):
                return node.symbol
        symbol = Symbol("value", f"v{len(self.nodes)}")
        self.nodes.append(Node(symbol, function, arguments))
        return symbol

    def _holds(self, test: ast.expr) -> bool:
        """Return whether a condition on a field holds: `field`, or `field == "choice"`."""
        if isinstance(test, ast.Name) and isinstance(self.fields.get(test.id), bool):
            return bool(self.fields[test.id])
        if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and isinstance(test.ops[0], ast.Eq):
            wanted, name = test.comparators[0], test.left.id
            if len(test.ops) == 1 and isinstance(wanted, ast.Constant) and isinstance(self.fields.get(name), str):
                return self.fields[name] == wanted.value
        known = ", ".join(name for name, value in self.fields.items() if isinstance(value, bool | str)) or "none here"
        allowed = f"a condition must be a field of true or false, or `field == 'choice'`; such fields: {known}"
        raise self._error(f"{allowed}; got `{_short(ast.unparse(test))}`")

    def _not_allowed(self, node: ast.expr) -> ConfigError:
        functions = ", ".join(FUNCTIONS)
        allowed = f"allowed are names, numbers, + - * /, `a if field else b`, x.g, U.g(...), p.v and {functions}"
        return self._error(f"`{_short(ast.unparse(node))}` is not allowed; {allowed}")

    def _error(self, problem: str) -> ConfigError:
        return ConfigError(f"{self.where}, line {self.line}", problem)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."
