"""Which runs a claim means by a cell: a name or a kind, and settings of the cell where it says so."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from bench.errors import ConfigError


@dataclass(frozen=True)
class CellChoice:
    """A cell by its name or kind, and the fields that its YAML node must have."""

    word: str
    fields: tuple[tuple[str, str | float | bool], ...] = ()

    def admits(self, node: Mapping[str, Any]) -> bool:
        """Return whether a resolved cell node is meant."""
        is_named = self.word in (node.get("name"), node.get("kind"))
        return is_named and all(name in node and _is_equal(node[name], value) for name, value in self.fields)

    @property
    def said(self) -> str:
        """The fields as they are written, "" where any will do."""
        return " ".join(f"{name}={_text(value)}" for name, value in self.fields)


def cell_choice(text: str, where: str) -> CellChoice:
    """Read `lstm` or `lstm forget_bias=1`. Raises ConfigError."""
    word, *fields = text.split() or [""]
    matches = [re.fullmatch(r"(\w+)=([\w.+-]+)", field) for field in fields]
    if not re.fullmatch(r"[\w.-]{1,60}", word) or not all(matches):
        raise ConfigError(where, f"must read `NAME` or `NAME field=value`, got {text!r}")
    return CellChoice(word, tuple((match[1], yaml.safe_load(match[2])) for match in matches if match))


def _is_equal(found: object, value: str | float | bool) -> bool:
    return type(found) is not bool and found == value if type(value) is not bool else found is value


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
