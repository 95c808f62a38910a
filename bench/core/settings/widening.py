"""What lies beyond the range of a searched number, as far as the setting itself goes."""

from __future__ import annotations

import math
import sys
import types
from dataclasses import is_dataclass, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from bench.core.schema import Range, fields_of
from bench.core.settings.command import Command
from bench.core.settings.search_space import Dimension, Space

End = Literal["lower", "upper"]


def limits_of(path: str) -> Range:
    """Return the limits of a setting by its schema; one of a cell has none."""
    kind: Any = Command
    for name in path.split("."):
        kind = fields_of(kind).get(name) if isinstance(kind, type) and is_dataclass(kind) else None
    while get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    bounds = get_args(kind)[1] if get_origin(kind) is Annotated else None
    return bounds if isinstance(bounds, Range) else Range()


def beyond(dimension: Dimension, end: End, limits: Range, first: Dimension | None = None) -> Dimension | None:
    """Return the part by which a number's range is widened at one end, None where nothing lies beyond.

    It has half the range, on the scale on which it is drawn, of `first`, the dimension before it was ever widened, and
    ends at the limits of the setting. Steps go on where the range ends.
    """
    near = dimension.bounds[0] if end == "lower" else _last(dimension)
    far = _far(dimension, near, end, first or dimension)
    low, high = _legal(dimension, limits)
    step = dimension.step or (1.0 if dimension.whole else None)
    sign = -1 if end == "lower" else 1
    if step is None:
        far = min(max(far, low), high)
        return None if (far - near) * sign <= 0 else replace(dimension, low=min(near, far), high=max(near, far))
    room = (near - low if end == "lower" else high - near) / step
    n_steps = int(min(max(round(abs(far - near) / step), 1), room + 1e-9))
    ends = (near + sign * step, near + sign * n_steps * step)
    return None if n_steps < 1 else replace(dimension, low=min(ends), high=max(ends))


def widened(space: Space, path: str, end: End, low: float, high: float) -> Space:
    """Return a space in which the range of a number reaches from `low` or to `high`, whichever is at that end."""
    whole = replace(space[path], low=low) if end == "lower" else replace(space[path], high=high)
    return {**space, path: whole}


def _far(dimension: Dimension, near: float, end: End, first: Dimension) -> float:
    """Return the end of the wider range where a setting has no limits."""
    low, high = first.drawn_bounds
    is_down = (end == "lower") != dimension.complement
    drawn = dimension.drawn_of(near)
    if dimension.log:
        far = drawn * math.sqrt(low / high if is_down else high / low)
    else:
        far = drawn + (low - high if is_down else high - low) / 2
    return dimension.drawn_of(far)  # 1 minus a number is its own inverse


def _last(dimension: Dimension) -> float:
    """Return the largest number that is drawn: steps may end before the range does."""
    low, high = dimension.bounds
    step = dimension.step
    return high if step is None else low + step * math.floor((high - low) / step + 1e-9)


def _legal(dimension: Dimension, limits: Range) -> tuple[float, float]:
    """Return the smallest and the largest number that a setting can have and that can be drawn."""
    least = max(abs(limits.low) * sys.float_info.epsilon, sys.float_info.min)  # what is smaller may count as zero
    low = limits.low + least if limits.open_low else limits.low
    if dimension.log and dimension.whole:
        low = max(low, 1)
    return low, min(limits.high, math.nextafter(1, 0)) if dimension.complement else limits.high
