"""The equations of a cell as a paper prints them, in LaTeX."""

from __future__ import annotations

import ast

from bench.cells.cell import Cell
from bench.cells.conditions import Fields
from bench.cells.lines import Line, lines_of

FUNCTIONS = {"sigmoid": "\\sigma", "softplus": "\\operatorname{softplus}", "relu": "\\operatorname{relu}"}
SIGNS: dict[type[ast.operator], tuple[int, str]] = {ast.Add: (1, "+"), ast.Sub: (1, "-"), ast.Mult: (2, "\\odot")}
"""Precedence and sign of an operation."""


def latex(cell: Cell) -> str:
    """Return the equations at the cell's fields as an `align*` environment; a state before the step has index t-1."""
    printer = _Printer(cell)
    lines = [printer.line(line) for line in lines_of(cell.equations, "cell.equations")]
    return "\n".join(["\\begin{align*}", " \\\\\n".join(lines), "\\end{align*}"])


class _Printer:
    def __init__(self, cell: Cell) -> None:
        self.states, self.fields = cell.states, Fields(dict(cell.fields), dict(cell.choices))
        self.has_bias = cell.biases != "none"
        self.given, self.at = set[str](), Line(0, "", "", ast.Constant(0))

    def line(self, line: Line) -> str:
        """Return one equation."""
        self.at = line
        value = self.text(line.value, 0)
        self.given.add(line.name)
        return f"{_symbol(line.name)}_t &= {value}"

    def text(self, node: ast.expr, precedence: int) -> str:
        match node:
            case ast.Constant(value=value):
                return str(value)
            case ast.Name(id=name):
                return self.name(name)
            case ast.Attribute(value=ast.Name(id="p"), attr=vector):
                return f"p_{{{_index(vector)}}}"
            case ast.Attribute(attr=gate):
                product = f"W_{{{_index(gate)}}} x_t"
                return _bracketed(f"{product} + b_{{{_index(gate)}}}", precedence > 1) if self.has_bias else product
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return self.text(body if self.fields.hold(test, self.at, "cell.equations") else orelse, precedence)
            case ast.UnaryOp(operand=operand):
                return f"-{self.text(operand, 3)}"
            case ast.Call(func=ast.Attribute(attr=gate), args=[operand]):
                return f"U_{{{_index(gate)}}} {self.text(operand, 3)}"
            case ast.Call(func=ast.Name(id=function), args=arguments):
                inside = ", ".join(self.text(each, 0) for each in arguments)
                return (
                    f"|{inside}|" if function == "abs" else f"{FUNCTIONS.get(function, chr(92) + function)}({inside})"
                )
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return f"\\frac{{{self.text(left, 0)}}}{{{self.text(right, 0)}}}"
            case ast.BinOp(left=left, op=operator, right=right):
                return self.operation(left, operator, right, precedence)
        raise TypeError(f"no part of an equation: {ast.dump(node)}")

    def name(self, name: str) -> str:
        if name in self.fields.values:
            return str(self.fields.values[name])
        time = "t-1" if name in self.states and name not in self.given else "t"
        return f"{_symbol(name)}_{{{time}}}"

    def operation(self, left: ast.expr, operator: ast.operator, right: ast.expr, precedence: int) -> str:
        own, sign = SIGNS[type(operator)]
        first, second = self.text(left, own), self.text(right, own + (not isinstance(operator, ast.Add)))
        if isinstance(operator, ast.Add) and second == "0":
            return self.text(left, precedence)
        return _bracketed(f"{first} {sign} {second}", own < precedence)


def _bracketed(text: str, is_needed: bool) -> str:
    return f"({text})" if is_needed else text


def _symbol(name: str) -> str:
    return name if len(name) == 1 else f"\\mathit{{{_index(name)}}}"


def _index(name: str) -> str:
    return name.rstrip("_").replace("_", "\\_")
