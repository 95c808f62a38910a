"""Conditions of equations, `a if CONDITION else b`: on fields of the cell alone, so that a program has no branches."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from bench.cells.lines import Line, shortened
from bench.core.errors import ConfigError, did_you_mean

Value = bool | float | str
"""Of a field."""


@dataclass(frozen=True)
class Fields:
    """The values of a cell's fields, and of those that are words what they may be."""

    values: Mapping[str, Value]
    choices: Mapping[str, tuple[str, ...]]

    def hold(self, test: ast.expr, line: Line, where: str) -> bool:
        """Return whether a condition holds: `field`, or `field == "choice"`. Raises ConfigError."""
        left = test.left if isinstance(test, ast.Compare) else test
        name = left.id if isinstance(left, ast.Name) else ""
        if name and name not in self.values:
            near = did_you_mean(name, self.values) if self.values else "the cell has no fields"
            raise ConfigError(where, f"unknown field `{name}` in a condition; {near}")
        value = self.values.get(name)
        if isinstance(test, ast.Name) and isinstance(value, bool):
            return value
        wanted = _word(test)
        if wanted is not None and isinstance(value, str):
            choices = self.choices.get(name, (wanted,))
            if wanted not in choices:
                problem = f"the field `{name}` is never '{shortened(wanted)}'; {did_you_mean(wanted, choices)}"
                raise ConfigError(where, problem)
            return value == wanted
        known = ", ".join(name for name, each in self.values.items() if isinstance(each, bool | str)) or "none here"
        allowed = f"a condition must be a field of true or false, or `field == 'choice'`; such fields: {known}"
        raise ConfigError(where, f"{allowed}; got `{line.shown(test)}`")


def _word(test: ast.expr) -> str | None:
    """Return the word that a condition compares with, None where it is no such comparison."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq):
        wanted = test.comparators[0]
        if isinstance(wanted, ast.Constant) and isinstance(wanted.value, str):
            return wanted.value
    return None
