"""Expressions over one unit of a cell: trees that keep the order of operands, since that decides the last bits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Kind = Literal["input", "product", "own", "state", "value", "gradient"]
"""What a symbol stands for: `x.g`, `U.g(...)`, `p.v`, a state before the step, a value of the step, or a gradient."""


@dataclass(frozen=True, order=True)
class Symbol:
    """A number that is known by name."""

    kind: Kind
    name: str


@dataclass(frozen=True)
class Number:
    """A constant."""

    value: float


@dataclass(frozen=True)
class Operation:
    """Two operands with one of + - * / between them."""

    operator: Literal["+", "-", "*", "/"]
    left: Expression
    right: Expression


@dataclass(frozen=True)
class Call:
    """A function of expressions: one of FUNCTIONS, or `above(a, b)`, which is 1 where a > b and 0 elsewhere."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Symbol | Number | Operation | Call

FUNCTIONS: Mapping[str, int] = MappingProxyType(
    {"sigmoid": 1, "tanh": 1, "relu": 1, "exp": 1, "log": 1, "softplus": 1, "abs": 1, "max": 2, "min": 2}
)
"""What equations may call, with the number of arguments."""

ZERO, ONE = Number(0.0), Number(1.0)


def add(left: Expression, right: Expression) -> Expression:
    """Return a sum, simplified where an operand is zero or negated."""
    if left == ZERO:
        return right
    if right == ZERO:
        return left
    for one, other in ((left, right), (right, left)):
        if isinstance(other, Operation) and other.operator == "-" and other.left == ZERO:
            return subtract(one, other.right)
    return _folded("+", left, right)


def subtract(left: Expression, right: Expression) -> Expression:
    """Return a difference, simplified where an operand is zero; that of zero and an expression is its negation."""
    if right == ZERO:
        return left
    if left == ZERO and isinstance(right, Operation) and right.operator == "-" and right.left == ZERO:
        return right.right
    return _folded("-", left, right)


def multiply(left: Expression, right: Expression) -> Expression:
    """Return a product, simplified where a factor is zero, one or minus one."""
    if ZERO in (left, right):
        return ZERO
    if left == ONE:
        return right
    if right == ONE:
        return left
    for one, other in ((left, right), (right, left)):
        if one == Number(-1.0):
            return subtract(ZERO, other)
    return _folded("*", left, right)


def times(left: Expression, right: Expression) -> Expression:
    """Return a product whose right factor is taken apart: a (b c) is (a b) c."""
    if isinstance(right, Operation) and right.operator == "-" and right.left == ZERO:
        return subtract(ZERO, times(left, right.right))
    if isinstance(right, Operation) and right.operator == "*":
        return times(times(left, right.left), right.right)
    if isinstance(right, Operation) and right.operator == "/":
        return divide(times(left, right.left), right.right)
    return multiply(left, right)


def divide(left: Expression, right: Expression) -> Expression:
    """Return a quotient, simplified where the numerator is zero or the denominator one."""
    if left == ZERO or right == ONE:
        return left
    return _folded("/", left, right)


def _folded(operator: Literal["+", "-", "*", "/"], left: Expression, right: Expression) -> Expression:
    if not (isinstance(left, Number) and isinstance(right, Number)):
        return Operation(operator, left, right)
    a, b = left.value, right.value
    return Number({"+": a + b, "-": a - b, "*": a * b, "/": a / b if b else float("nan")}[operator])


def symbols_of(expression: Expression) -> dict[Symbol, None]:
    """Return the symbols of an expression in the order in which they stand in it."""
    if isinstance(expression, Symbol):
        return {expression: None}
    if isinstance(expression, Operation):
        return symbols_of(expression.left) | symbols_of(expression.right)
    if isinstance(expression, Call):
        return {symbol: None for each in expression.arguments for symbol in symbols_of(each)}
    return {}


def derivative(expression: Expression, symbol: Symbol) -> Expression:
    """Return the partial derivative of an expression without calls with respect to a symbol."""
    if isinstance(expression, Symbol):
        return ONE if expression == symbol else ZERO
    if isinstance(expression, Number):
        return ZERO
    if isinstance(expression, Call):
        raise ValueError(f"`{expression.function}` stands inside an expression")
    left, right = expression.left, expression.right
    d_left, d_right = derivative(left, symbol), derivative(right, symbol)
    if expression.operator == "+":
        return add(d_left, d_right)
    if expression.operator == "-":
        return subtract(d_left, d_right)
    if expression.operator == "*":
        return add(multiply(d_left, right), multiply(left, d_right))
    return subtract(divide(d_left, right), divide(multiply(expression, d_right), right))


def slope(function: str, place: int, value: Symbol, arguments: tuple[Expression, ...]) -> Expression:
    """Return the derivative of a function with respect to its argument at a place, given the symbol of its value."""
    first, last = arguments[0], arguments[-1] if len(arguments) > 1 else ZERO
    above, below = Call("above", (first, last)), Call("above", (last, first))
    if function in ("max", "min"):
        first_is_taken = above if function == "max" else below
        return first_is_taken if place == 0 else Operation("-", ONE, first_is_taken)
    slopes: dict[str, Expression] = {
        "same": ONE,
        "sigmoid": Operation("*", value, Operation("-", ONE, value)),
        "tanh": Operation("-", ONE, Operation("*", value, value)),
        "relu": Call("above", (value, ZERO)),
        "exp": value,
        "log": divide(ONE, first),
        "softplus": Operation("-", ONE, Call("exp", (subtract(ZERO, value),))),
        "abs": Operation("-", above, below),
    }
    return slopes[function]
