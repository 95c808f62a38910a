"""What a cell asks of its initial weights beyond the scheme of `init`: offsets of biases, and recurrent blocks.

A line of `start` is `b.g: OFFSET`, added to the initial bias of gate g, or `U.g: identity`, the initial block of a
recurrent product. An OFFSET is a sum of numbers, fields, and `chrono(T)` for the longest dependency T, a number or a
field; each may have a minus sign. `chrono(T)` draws log(u), u uniform between 1 and T - 1, once for each unit, the same
for all gates; at T = 0 it is 0.

Sources: Tallec and Ollivier 2018, arXiv 1804.11188, section 3; for the identity Le et al. 2015, arXiv 1504.00941.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.cells.conditions import Value
from bench.cells.equations import LARGEST
from bench.core.errors import ConfigError

WORD = r"(\d[\d.]*(?:e[+-]?\d+)?|[A-Za-z_]\w*)"
TERM = re.compile(rf"\s*([+-]?)\s*(?:(chrono)\(\s*{WORD}\s*\)|{WORD})\s*")


@dataclass(frozen=True)
class Start:
    """How the bias or the recurrent block of a gate starts; `text` is what the file says.

    `offset` is added to the bias, and with `chrono` above 0 `sign` times the draw for that longest dependency.
    """

    target: str
    text: str
    offset: float = 0.0
    chrono: float = 0.0
    sign: float = 1.0

    @property
    def parameter(self) -> str:
        """`b` or `U`."""
        return self.target.partition(".")[0]

    @property
    def is_nothing(self) -> bool:
        """Whether the bias is left as it is."""
        return self.parameter == "b" and not (self.offset or self.chrono)

    @property
    def gate(self) -> str:
        return self.target.partition(".")[2]


def start_of(target: str, value: object, fields: Mapping[str, Value], where: str) -> Start:
    """Return what a line of `start` says. Raises ConfigError."""
    text = str(value).strip()
    parameter, _, gate = target.partition(".")
    if parameter not in ("b", "U") or not gate:
        raise ConfigError(where, "must be `b.g`, the bias of a gate, or `U.g`, the block of a recurrent product")
    if parameter == "U":
        if text != "identity":
            raise ConfigError(where, f"must be identity, got {text!r}")
        return Start(target, text)
    return _sum(target, text, fields, where)


def _sum(target: str, text: str, fields: Mapping[str, Value], where: str) -> Start:
    """Return the sum that a line names."""
    start, place = Start(target, text), 0
    while place < len(text) or not text:
        match = TERM.match(text, place)
        if match is None or (place and not match[1]):
            allowed = "a sum of numbers, fields and chrono(T), such as `1.5 - chrono(T)`"
            raise ConfigError(where, f"must be {allowed}, got {text!r}")
        place = match.end()
        sign = -1.0 if match[1] == "-" else 1.0
        number = _number(match[3] or match[4], fields, where)
        if not match[2]:
            start = replace(start, offset=start.offset + sign * number)
        elif number and number < 3:
            raise ConfigError(where, f"chrono takes 0 or a longest dependency of at least 3 steps, got {number:g}")
        elif number and start.chrono:
            raise ConfigError(where, f"can hold one chrono(T), got {text!r}")
        elif number:
            start = replace(start, chrono=number, sign=sign)
    return start


def _number(word: str, fields: Mapping[str, Value], where: str) -> float:
    value = fields.get(word, word)
    try:
        if isinstance(value, bool):
            raise ValueError(word)
        number = float(value)
    except ValueError as error:
        known = ", ".join(name for name, each in fields.items() if isinstance(each, float)) or "none"
        raise ConfigError(
            where, f"`{word}` is neither a number nor a field that is one; such fields: {known}"
        ) from error
    if not abs(number) <= LARGEST:
        raise ConfigError(where, f"a number must be at most {LARGEST:g}, got {number:g}")
    return number
