"""The equations of a cell as a paper prints them, in LaTeX."""

from __future__ import annotations

import ast

from bench.cells.cell import Cell

FUNCTIONS = {"sigmoid": "\\sigma", "softplus": "\\operatorname{softplus}", "relu": "\\operatorname{relu}"}
PRECEDENCE = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2}


def latex(cell: Cell) -> str:
    """Return the equations at the cell's fields as an `align*` environment; a state before the step has index t-1."""
    printer = _Printer(cell)
    lines = [line for text in cell.equations.splitlines() if (line := text.split("#")[0].strip())]
    return "\n".join(["\\begin{align*}", " \\\\\n".join(printer.line(line) for line in lines), "\\end{align*}"])


class _Printer:
    def __init__(self, cell: Cell) -> None:
        self.cell, self.fields, self.given = cell, dict(cell.fields), set[str]()

    def line(self, text: str) -> str:
        """Return one equation."""
        (statement,) = ast.parse(text).body
        assert isinstance(statement, ast.Assign)
        value = self.text(statement.value, 0)
        name = ast.unparse(statement.targets[0])
        self.given.add(name)
        return f"{_symbol(name)}_t &= {value}"

    def text(self, node: ast.expr, precedence: int) -> str:
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.Name):
            return self.name(node.id)
        if isinstance(node, ast.Attribute):
            letter = "p" if ast.unparse(node.value) == "p" else "x"
            gate = _index(node.attr)
            return f"p_{{{gate}}}" if letter == "p" else f"W_{{{gate}}} x_t + b_{{{gate}}}"
        if isinstance(node, ast.IfExp):
            return self.text(node.body if self.holds(node.test) else node.orelse, precedence)
        if isinstance(node, ast.UnaryOp):
            return f"-{self.text(node.operand, 3)}"
        if isinstance(node, ast.Call):
            return self.call(node)
        assert isinstance(node, ast.BinOp)
        return self.operation(node, precedence)

    def name(self, name: str) -> str:
        if name in self.fields:
            return str(self.fields[name])
        time = "t-1" if name in self.cell.states and name not in self.given else "t"
        return f"{_symbol(name)}_{{{time}}}"

    def call(self, node: ast.Call) -> str:
        if isinstance(node.func, ast.Attribute):
            operand = self.text(node.args[0], 3)
            return f"U_{{{_index(node.func.attr)}}} {operand}"
        name = ast.unparse(node.func)
        function = FUNCTIONS.get(name, f"\\{name}")
        arguments = ", ".join(self.text(each, 0) for each in node.args)
        return f"|{arguments}|" if name == "abs" else f"{function}({arguments})"

    def operation(self, node: ast.BinOp, precedence: int) -> str:
        own = PRECEDENCE[type(node.op)]
        if isinstance(node.op, ast.Div):
            return f"\\frac{{{self.text(node.left, 0)}}}{{{self.text(node.right, 0)}}}"
        left, right = self.text(node.left, own), self.text(node.right, own + 1)
        if isinstance(node.op, ast.Add) and right == "0":
            return self.text(node.left, precedence)
        sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "\\odot"}[type(node.op)]
        return f"({left} {sign} {right})" if own < precedence else f"{left} {sign} {right}"

    def holds(self, test: ast.expr) -> bool:
        if isinstance(test, ast.Name):
            return bool(self.fields[test.id])
        assert isinstance(test, ast.Compare)
        wanted = test.comparators[0]
        assert isinstance(wanted, ast.Constant)
        return self.fields[ast.unparse(test.left)] == wanted.value


def _symbol(name: str) -> str:
    return name if len(name) == 1 else f"\\mathit{{{_index(name)}}}"


def _index(name: str) -> str:
    return name.rstrip("_").replace("_", "\\_")
