"""Turn plain mappings (YAML, JSON) into typed dataclasses, refusing what does not fit with one clear message.

A field's annotation is its schema: `Annotated[int, Range(low=1)]`, `Literal["a", "b"]`, `float | None`,
`tuple[str, ...]`, `Mapping[str, float]` or another dataclass. Nothing named in the data is ever imported.
"""

from __future__ import annotations

import dataclasses
import math
import re
import types
import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

from bench.core.errors import ConfigError, did_you_mean

T = TypeVar("T")


@dataclass(frozen=True)
class Range:
    """Bounds of a number, inclusive unless `open_low` says otherwise."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False

    def admits(self, value: float) -> bool:
        return (value > self.low if self.open_low else value >= self.low) and value <= self.high

    def __str__(self) -> str:
        low = "" if self.low == -math.inf else f"{'above' if self.open_low else 'at least'} {_number(self.low)}"
        high = "" if self.high == math.inf else f"at most {_number(self.high)}"
        return " and ".join(part for part in (low, high) if part)


@dataclass(frozen=True)
class Matching:
    """Text that fully matches a regular expression; `description` states it in words."""

    pattern: str
    description: str

    def admits(self, value: str) -> bool:
        return re.fullmatch(self.pattern, value) is not None

    def __str__(self) -> str:
        return self.description


Count = Annotated[int, Range(low=1)]
Layers = Annotated[int, Range(low=1, high=16)]
"""As many as every kernel can hold."""
Width = Annotated[int, Range(low=1, high=1_000_000)]
WidthOrOff = Annotated[int, Range(low=0, high=1_000_000)]
CountOrOff = Annotated[int, Range(low=0)]
Positive = Annotated[float, Range(low=0, open_low=True)]
NonNegative = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(low=0, high=1)]
Share = Annotated[float, Range(low=0, high=1, open_low=True)]
BelowOne = Annotated[float, Range(low=0, high=0.999999)]


def fields_of(cls: type) -> Mapping[str, Any]:
    """Return the resolved annotations of a dataclass, constraints included."""
    return _fields_of(cast(Hashable, cls))


@cache
def _fields_of(cls: type) -> Mapping[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    return types.MappingProxyType({field.name: hints[field.name] for field in dataclasses.fields(cls) if field.init})


def build(cls: type[T], node: object, where: str) -> T:
    """Build a dataclass from a mapping.

    Raises ConfigError for an unknown or missing key, a wrong type, or a value out of range.
    """
    if not isinstance(node, Mapping):
        raise ConfigError(where, f"must be a mapping, got {_show(node)}")
    legal = fields_of(cast(type, cls))
    for key in node:
        if key not in legal:
            raise ConfigError(_join(where, key), f"unknown key; {did_you_mean(str(key), legal)}")
    values = {key: convert(legal[key], value, _join(where, key)) for key, value in node.items()}
    for name in _required_fields(cast(type, cls)):
        if name not in values:
            raise ConfigError(_join(where, name), "is required; got none")
    return cls(**values)


@cache
def _required_fields(cls: Any) -> tuple[str, ...]:
    missing = dataclasses.MISSING
    fields = (field for field in dataclasses.fields(cls) if field.init)
    return tuple(field.name for field in fields if field.default is missing and field.default_factory is missing)


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def convert(kind: Any, value: object, where: str) -> Any:
    """Check one value against an annotation and return it in that type."""
    if (kind is type(value) and kind is not float) or kind is Any:
        return value
    origin, args = _parts(kind)
    if origin is None:
        is_section = dataclasses.is_dataclass(kind)
        return build(cast(type, kind), value, where) if is_section else _convert_scalar(kind, value, where)
    if origin is Annotated:
        return _within(convert(args[0], value, where), args[1], where)
    if origin in (Union, types.UnionType):
        return _convert_optional(args, value, where)
    if origin is Literal:
        return _one_of(args, value, where)
    if origin is tuple:
        return _convert_sequence(args[0], value, where)
    return _convert_mapping(args[1], value, where)


def _convert_optional(args: tuple[Any, ...], value: object, where: str) -> Any:
    if value is None and type(None) in args:
        return None
    if all(dataclasses.is_dataclass(arg) for arg in args):
        return _convert_named(args, value, where)
    (inner,) = (arg for arg in args if arg is not type(None))
    return convert(inner, value, where)


def _convert_named(kinds: tuple[Any, ...], value: object, where: str) -> Any:
    """Build the one of several dataclasses whose `name`, a Literal in each, is that of the mapping."""
    if not isinstance(value, Mapping):
        raise ConfigError(where, f"must be a mapping, got {_show(value)}")
    by_name = {get_args(fields_of(kind)["name"])[0]: kind for kind in kinds}
    name = _one_of(tuple(by_name), value.get("name"), f"{where}.name")
    return build(by_name[name], value, where)


def _one_of(allowed: tuple[Any, ...], value: object, where: str) -> Any:
    if not any(value == word and type(value) is type(word) for word in allowed):
        raise ConfigError(where, f"must be one of {', '.join(map(str, allowed))}, got {_show(value)}")
    return value


def _convert_sequence(inner: Any, value: object, where: str) -> tuple[Any, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ConfigError(where, f"must be a list, got {_show(value)}")
    return tuple(convert(inner, item, f"{where}[{i}]") for i, item in enumerate(value))


def _convert_mapping(inner: Any, value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(where, f"must be a mapping, got {_show(value)}")
    return {str(key): convert(inner, item, _join(where, key)) for key, item in value.items()}


def _convert_scalar(kind: Any, value: object, where: str) -> Any:
    if kind in (Any, object):
        return value
    if kind is float:
        return _to_float(value, where)
    if kind is int and isinstance(value, bool):
        raise ConfigError(where, f"must be an integer, got {_show(value)}")
    if not isinstance(value, kind):
        raise ConfigError(where, f"must be {_NAMES.get(kind, kind.__name__)}, got {_show(value)}")
    return value


def _to_float(value: object, where: str) -> float:
    number = math.nan
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:  # a string is tried because YAML 1.1 reads `1e-3` as text
            number = float(value)
        except (ValueError, OverflowError):
            number = math.nan
    if not math.isfinite(number):
        raise ConfigError(where, f"must be a finite number, got {_show(value)}")
    return number


def _within(value: Any, bounds: Range | Matching, where: str) -> Any:
    if not bounds.admits(value):
        raise ConfigError(where, f"must be {bounds}, got {_show(value)}")
    return value


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


_NAMES = {int: "an integer", str: "text", bool: "true or false"}


def _join(where: str, key: object) -> str:
    return f"{where}.{key}" if where else str(key)


def _show(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes out no number of more than 4,300 digits
        return "a number of too many digits"
    return text if len(text) <= 60 else text[:57] + "..."
