"""Search spaces: the settings that a study varies, and their ranges."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bench.core.errors import ConfigError
from bench.core.schema import Positive, build

Value = float | int | str | bool
LEAF = frozenset({"low", "high", "choices"})


@dataclass(frozen=True)
class Dimension:
    """One setting that is searched: a number from `low` to `high`, both included, or one of `choices`.

    `log` draws uniformly in the logarithm; `step` and `whole` restrict the numbers. With `complement` the setting is 1
    minus what is drawn, so that `log` is uniform in log(1 - x); `low` and `high` are those of the setting all the same.
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    step: Positive | None = None
    whole: bool = False
    choices: tuple[Any, ...] = ()
    complement: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """Lowest and highest number."""
        if self.low is None or self.high is None:
            raise ValueError("a dimension of choices has no bounds")
        return self.low, self.high

    @property
    def drawn_bounds(self) -> tuple[float, float]:
        """Lowest and highest number that is drawn."""
        low, high = self.bounds
        return (1 - high, 1 - low) if self.complement else (low, high)

    def value_of(self, drawn: float) -> float:
        if not self.complement:
            return drawn
        low, high = self.bounds
        return min(max(1 - drawn, low), high)

    def drawn_of(self, value: float) -> float:
        """Return the drawn number for a setting: the inverse of `value_of`, to the last place of 1 for a complement."""
        return 1 - value if self.complement else value

    def place_of(self, value: float) -> float:
        """Return where a setting lies between `low`, at 0, and `high`, at 1, on the scale on which it is drawn."""
        low, high = self.drawn_bounds
        drawn = self.drawn_of(value)
        if self.log:
            low, high, drawn = math.log(low), math.log(high), math.log(drawn)
        place = min(max((drawn - low) / (high - low), 0.0), 1.0)
        return 1 - place if self.complement else place


Space = Mapping[str, Dimension]
"""Dimensions by the path of their setting, such as `optim.lr`."""


def space_of(node: Mapping[str, Any], where: str = "space") -> dict[str, Dimension]:
    """Return the space of a config node that is nested as the settings are. Raises ConfigError."""
    return {path: checked(build(Dimension, leaf, at), at) for path, leaf, at in _leaves(node, "", where)}


def _leaves(node: Mapping[str, Any], path: str, where: str) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for name, value in node.items():
        if value is None:
            continue
        here, at = f"{path}.{name}".lstrip("."), f"{where}.{name}"
        if not isinstance(value, Mapping):
            raise ConfigError(at, f"must be a mapping with low and high, or with choices, got {value!r}")
        if LEAF & set(value):
            yield here, value, at
        else:
            yield from _leaves(value, here, at)


def checked(dimension: Dimension, where: str) -> Dimension:
    """Return a dimension if it can be drawn from. Raises ConfigError."""
    low, high = dimension.low, dimension.high
    if bool(dimension.choices) == (low is not None or high is not None):
        raise ConfigError(where, "needs either low and high, or choices")
    if dimension.choices and dimension.complement:
        raise ConfigError(f"{where}.complement", "is for a number with low and high, not for choices")
    if dimension.choices:
        return dimension
    if low is None or high is None or not low < high or (dimension.complement and 1 - high == 1 - low):
        raise ConfigError(where, f"needs low below high, got {low} and {high}")
    if dimension.complement and (dimension.whole or dimension.step is not None):
        raise ConfigError(f"{where}.complement", "cannot be combined with whole or step")
    if dimension.complement and high >= 1:
        raise ConfigError(f"{where}.high", f"must be below 1 where complement is true, got {high:g}")
    if dimension.log and low <= 0 and not dimension.complement:
        raise ConfigError(f"{where}.low", f"must be above 0 where log is true, got {low:g}")
    if dimension.log and dimension.step is not None:
        raise ConfigError(f"{where}.step", "cannot be combined with log")
    if dimension.whole and (low != int(low) or high != int(high)):
        raise ConfigError(where, f"whole numbers need whole bounds, got {low:g} and {high:g}")
    return dimension
