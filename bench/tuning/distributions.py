"""Dimensions as Optuna's distributions, and the points of a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import product

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from bench.core.errors import ConfigError
from bench.core.settings.search_space import Dimension, Space, Value


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return Optuna's distribution of each setting."""
    return {path: _distribution(dimension) for path, dimension in space.items()}


def suggest(trial: Trial, name: str, distribution: BaseDistribution) -> None:
    """Have a trial draw one setting."""
    match distribution:
        case FloatDistribution(low=low, high=high, log=log, step=step):
            trial.suggest_float(name, low, high, log=log, step=step)
        case IntDistribution(low=low, high=high, log=log, step=step):
            trial.suggest_int(name, low, high, log=log, step=step)
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(name, choices)


def settings(space: Space, drawn: Mapping[str, Value]) -> dict[str, Value]:
    """Return the settings for drawn values."""
    return {
        path: value if _is_plain(space[path]) else space[path].value_of(float(value)) for path, value in drawn.items()
    }


def drawn(space: Space, params: Mapping[str, Value]) -> dict[str, Value]:
    """Return the drawn values that give these settings."""
    return {
        path: value if _is_plain(space[path]) else space[path].drawn_of(float(value)) for path, value in params.items()
    }


def grid(space: Space) -> Iterator[dict[str, Value]]:
    """Yield every point of a grid. Raises ConfigError for a dimension without steps."""
    for point in product(*[_points(path, dimension) for path, dimension in space.items()]):
        yield dict(zip(space, point, strict=True))


def _is_plain(dimension: Dimension) -> bool:
    """Return whether the drawn value is the setting itself."""
    return bool(dimension.choices) or dimension.whole


def _distribution(dimension: Dimension) -> BaseDistribution:
    if dimension.choices:
        return CategoricalDistribution(dimension.choices)
    low, high = dimension.drawn_bounds
    if dimension.whole:
        return IntDistribution(int(low), int(high), log=dimension.log, step=int(dimension.step or 1))
    return FloatDistribution(low, high, log=dimension.log, step=dimension.step)


def _points(path: str, dimension: Dimension) -> list[Value]:
    if dimension.choices:
        return list(dimension.choices)
    step = dimension.step or (1.0 if dimension.whole else None)
    if step is None:
        raise ConfigError(f"space.{path}.step", "is required for a grid; got none")
    low, high = dimension.bounds
    values = [low + i * step for i in range(math.floor((high - low) / step + 1e-9) + 1)]
    return [int(value) for value in values] if dimension.whole else list(values)
