"""What a cell asks of its initial weights beyond the scheme of `init`: offsets of biases, and recurrent blocks.

A line of `start` is `b.g: OFFSET`, added to the initial bias of gate g, or `U.g: identity`, the initial block of a
recurrent product. An OFFSET is a number, a field, or `chrono(T)` for the longest dependency T, a number or a field;
each may have a minus sign. `chrono(T)` draws log(u), u uniform between 1 and T - 1, once for each unit, the same for
all gates; at T = 0 it is 0. Source: Tallec and Ollivier 2018, arXiv 1804.11188, section 3; identity: Le et al. 2015,
arXiv 1504.00941.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bench.cells.equations import LARGEST, Value
from bench.core.errors import ConfigError

FORM = re.compile(r"(-?)\s*(?:(chrono)\(\s*([\w.]+)\s*\)|([\w.]+))")


@dataclass(frozen=True)
class Start:
    """How the bias or the recurrent block of a gate starts; `text` is what the file says.

    `offset` is added to the bias. With `chrono` above 0 the offset is `sign` times the draw for that longest
    dependency.
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
    match = FORM.fullmatch(text)
    if match is None:
        raise ConfigError(where, f"must be a number, a field or chrono(T), each with or without a minus, got {text!r}")
    minus, chrono, length, plain = match.groups()
    sign = -1.0 if minus else 1.0
    number = _number(length or plain, fields, where)
    if not chrono:
        return Start(target, text, offset=sign * number)
    if number and number < 3:
        raise ConfigError(where, f"chrono takes 0 or a longest dependency of at least 3 steps, got {number:g}")
    return Start(target, text, chrono=number, sign=sign)


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
