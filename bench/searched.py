"""Searched settings on the command line: Hydra's `interval`, `choice`, `tag(log, ...)` and `int` as a search space.

optim.lr=tag(log,interval(1e-4,1e-1))   hidden_size=int(interval(16,128))   optim.name=choice(adam,rmsprop)
A list such as cell=gru,lstm, or a range, is no search: each of its values has a study of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from hydra.core.override_parser.types import ChoiceSweep, IntervalSweep, Override

from bench.config import GROUPS
from bench.errors import UsageError

TAGS = {"log"}


def is_search(override: Override) -> bool:
    """Return whether an override of a tuning command is searched, and not swept over."""
    value = override.value()
    if override.key_or_group in GROUPS:
        return False
    return isinstance(value, IntervalSweep) or (isinstance(value, ChoiceSweep) and not value.simple_form)


def space_lines(searches: Sequence[Override]) -> list[str]:
    """Return overrides that put searches into the space. Raises UsageError."""
    return [f"++space.{override.key_or_group}={{{_dimension(override)}}}" for override in searches]


def _dimension(override: Override) -> str:
    value = override.value()
    if isinstance(value, ChoiceSweep) and not value.tags:
        return f"choices:[{','.join(override.sweep_string_iterator())}]"
    if not isinstance(value, IntervalSweep) or value.tags - TAGS:
        raise UsageError(f"bad override `{override.input_line}`: the only tag is log, and it is for an interval")
    low, high = value.start, value.end
    whole = isinstance(low, int) and isinstance(high, int)
    return f"low:{low},high:{high},log:{_yaml('log' in value.tags)},whole:{_yaml(whole)}"


def _yaml(is_true: bool) -> str:
    return "true" if is_true else "false"
