"""The lines of a cell's equations: each `name = expression`, as text that holds nothing else and names that fit."""

from __future__ import annotations

import ast
import keyword
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from bench.cells.expressions import FUNCTIONS
from bench.core.errors import ConfigError

MOST_LINES, MOST_CHARACTERS, MOST_OF_LINE = 40, 4000, 300
"""Limits that no cell of the literature comes near, and that keep a file from elsewhere cheap to read.

The derivative of a line grows with the square of its length.
"""

NAMESPACES = {"x": "input preactivations, x.g", "U": "recurrent products, U.g(operand)", "p": "own vectors, p.v"}
NAME = re.compile(r"(?=.{1,20}$)[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*_?")
"""Of a value, a gate or a vector: what is an identifier in C++ too, where it stands behind a prefix."""

FORBIDDEN = ("\\", "`", "@", "$", "?", "!", ";")
"""Characters with no meaning in equations, each refused before Python's parser sees it."""


@dataclass(frozen=True)
class Line:
    """An equation: the number of its line, its text, and what it says."""

    number: int
    text: str
    name: str
    value: ast.expr

    def shown(self, node: ast.expr) -> str:
        """Return the text of a part, shortened."""
        return shortened(ast.get_source_segment(self.text, node) or self.text)

    @property
    def names(self) -> Counter[str]:
        """How often each name stands in the expression, in conditions too."""
        return Counter(node.id for node in ast.walk(self.value) if isinstance(node, ast.Name))


def lines_of(equations: str, where: str) -> list[Line]:
    """Return the equations of a text. Raises ConfigError naming the line."""
    if len(equations) > MOST_CHARACTERS or equations.count("\n") > MOST_LINES:
        got = f"{equations.count(chr(10)) + 1:,} lines and {len(equations):,} characters"
        raise ConfigError(where, f"must be at most {MOST_LINES} lines and {MOST_CHARACTERS:,} characters, got {got}")
    found = [_line(number, code, where) for number, code in _code(equations, where)]
    if not found:
        raise ConfigError(where, "must be at least one equation, got none")
    return found


def mentioned(lines: Sequence[Line], space: str) -> list[str]:
    """Return the gates `x.g` or `U.g` of some equations, whatever the fields are."""
    nodes = [node for line in lines for node in ast.walk(line.value) if isinstance(node, ast.Attribute)]
    return list(dict.fromkeys(node.attr for node in nodes if ast.unparse(node.value) == space))


def uses_of(lines: Sequence[Line], states: Collection[str]) -> list[int]:
    """Return how often the value of each line is used later, as a state after the step too."""
    uses = [0] * len(lines)
    named: dict[str, int] = {}
    for place, line in enumerate(lines):
        for name, count in line.names.items():
            if name in named:
                uses[named[name]] += count
        named[line.name] = place
    for state in states:
        if state in named:
            uses[named[state]] += 1
    return uses


def check_uses(lines: Sequence[Line], states: Sequence[str], where: str) -> None:
    """Refuse a state that no line gives anew or that nothing reads, and a value that nothing reads."""
    given = {line.name for line in lines}
    for state in states:
        if state not in given:
            raise ConfigError(
                where, f"must give the state `{state}` anew; no line does, got {', '.join(sorted(given))}"
            )
    for line, count in zip(lines, uses_of(lines, states), strict=True):
        if not count:
            problem = f"`{line.name}` is read by no later line and is no state; states: {', '.join(states)}"
            if line.name in states:
                problem = f"the state `{line.name}` is given here and again later, and nothing reads it in between"
            raise ConfigError(f"{where}, line {line.number}", problem)
    for state in states[1:]:
        first = next(place for place, line in enumerate(lines) if line.name == state)
        if not any(state in line.names for line in lines[: first + 1]):
            problem = f"no line reads the state `{state}` before line {lines[first].number} gives it anew"
            raise ConfigError(where, f"{problem}; a value that the next step does not need is no state")


def check_name(name: str, where: str) -> None:
    """Refuse a name that a value, a gate or a vector cannot have. Raises ConfigError."""
    if keyword.iskeyword(name):
        raise ConfigError(where, f"`{name}` is a word of Python's and no name; `{name}_` is one")
    if not NAME.fullmatch(name):
        allowed = "letters a-z and A-Z, digits, and _ between them or at the end"
        raise ConfigError(where, f"`{shortened(name)}` is no name; a name is at most 20 {allowed}")


def meaning_of(name: str) -> str:
    """Return what a name stands for that equations cannot give a value, "" for any other."""
    if name in NAMESPACES:
        return f"stands for {NAMESPACES[name]}"
    return f"is a function, {name}({'a' if FUNCTIONS[name] == 1 else 'a, b'})" if name in FUNCTIONS else ""


def shortened(text: str) -> str:
    """Return a text in one line of at most 60 characters."""
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _code(equations: str, where: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that hold code, each with its number and without its comment."""
    for number, text in enumerate(equations.split("\n"), 1):
        at = f"{where}, line {number}"
        for character in text:
            if not character.isprintable() and character != "\t":
                raise ConfigError(at, f"the character U+{ord(character):04X} is not allowed")
        code = text.split("#")[0].strip()
        if len(code) > MOST_OF_LINE:
            raise ConfigError(at, f"must be at most {MOST_OF_LINE} characters, got {len(code):,}")
        for character in code:
            if not character.isascii() or character in FORBIDDEN:
                raise ConfigError(at, f"the character `{character}` is not allowed; got `{shortened(text)}`")
        if code:
            yield number, code


def _line(number: int, code: str, where: str) -> Line:
    at = f"{where}, line {number}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        _check_words(code, at)
        problem = f"is no equation: {getattr(error, 'msg', error)}; got `{shortened(code)}`"
        raise ConfigError(at, problem) from error
    statement = body[0] if len(body) == 1 else None
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            check_name(target.id, at)
            return Line(number, code, target.id, statement.value)
    raise ConfigError(at, f"must read `name = expression`, got `{shortened(code)}`")


def _check_words(code: str, at: str) -> None:
    """Refuse a word of Python's that stands for a name, which its parser only calls invalid syntax."""
    for found in re.finditer(r"^\s*(\w+)\s*=|\b[xUp]\s*\.\s*(\w+)", code):
        check_name(found[1] or found[2], at)
