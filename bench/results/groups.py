"""Which Runs belong together: all settings equal but the seed, trained on the same data."""

from __future__ import annotations

import dataclasses
import json
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

from bench.core.cell_words import without_words
from bench.core.digest import digest_of
from bench.core.settings.added_later import LATER
from bench.core.settings.search_space import Value
from bench.results.run import DESCRIPTIVE, Run, RunRecord

Settings = Mapping[str, str]
"""Dotted name of a setting to its value as text."""

LONGEST = 8
"""A value of at most this many characters is never abbreviated."""

_Task = tuple[str, str, str]


def settings_of(run: Run) -> dict[str, str]:
    """Return every setting of a Run that its numbers depend on, the seed excepted, as text."""
    return dict(leaves(_settings_node(run), ""))


def values_of(run: Run) -> dict[str, Value]:
    """Return what `settings_of` does, numbers and truth values as such; nan stands for None, and a list is JSON."""
    return dict(values(_settings_node(run), ""))


def _settings_node(run: Run) -> dict[str, Any]:
    node = {field.name: getattr(run, field.name) for field in dataclasses.fields(run)}
    node["task"] = {name: value for name, value in run.task.items() if name not in DESCRIPTIVE}
    node["cell"] = without_words(run.cell)
    del node["seed"]
    return node


def group_of(settings: Settings, data: str) -> str:
    """Return the name of the group that Runs of these settings on this data belong to."""
    implied = dict(leaves(LATER, ""))
    known = {name: value for name, value in settings.items() if value != implied.get(name)}
    return digest_of([known, data])[:12]


def data_names(records: Sequence[RunRecord]) -> dict[str, str]:
    """Map each record's key to a short name of its data, "" if no Run of its task recorded any.

    Music whose first steps are given is other data than with these predicted: its scores are of other frames. Splits
    are opened on demand, so two Runs used the same data if the digests that both recorded agree.
    """
    variants: dict[_Task, list[dict[str, str]]] = defaultdict(list)
    seen: dict[str, dict[str, str]] = {}
    for record in sorted(records, key=lambda record: (-len(record.outcome.data_digests), record.key)):
        seen[record.key] = _variant(variants[_task(record)], _data(record))
    return {key: digest_of(variant)[:8] if variant else "" for key, variant in seen.items()}


def differing(groups: Mapping[str, Settings]) -> dict[str, str]:
    """Map each group to the settings in which the given groups are not all equal, e.g. `optim.lr=0.01`.

    Long numbers are rounded to four digits if all values stay distinct.
    """
    words_of = varying(groups)
    return {
        group: ", ".join(f"{name}={words[settings.get(name, 'unset')]}" for name, words in words_of.items())
        for group, settings in groups.items()
    }


def varying(groups: Mapping[str, Settings]) -> dict[str, dict[str, str]]:
    """Map each setting in which the groups are not all equal to the word for each of its values."""
    names = sorted({name for settings in groups.values() for name in settings})
    values = {name: {settings.get(name, "unset") for settings in groups.values()} for name in names}
    return {name: _shortest_distinct(found) for name, found in values.items() if len(found) > 1}


def _shortest_distinct(values: Iterable[str]) -> dict[str, str]:
    short = {value: _four_digits(value) for value in values}
    return short if len(set(short.values())) == len(short) else {value: value for value in short}


def _four_digits(value: str) -> str:
    if len(value) <= LONGEST:
        return value
    try:
        return f"{float(value):.4g}"
    except ValueError:
        return value


def _task(record: RunRecord) -> _Task:
    return record.run.task_name, str(record.run.task.get("version")), record.run.first_step


def _data(record: RunRecord) -> Mapping[str, str]:
    given = {} if record.run.first_step == "predicted" else {"first_step": record.run.first_step}
    return {**record.outcome.data_digests, **given}


def _variant(variants: list[dict[str, str]], digests: Mapping[str, str]) -> dict[str, str]:
    for variant in variants:
        if all(variant.get(split, digest) == digest for split, digest in digests.items()):
            variant.update(digests)
            return variant
    variants.append(dict(digests))
    return variants[-1]


def leaves(node: Any, where: str) -> Iterable[tuple[str, str]]:
    """Yield the dotted name below `where` of every setting in a node, and its value as text."""
    return ((name, text) for name, _, text in _items(node, where))


def values(node: Any, where: str) -> Iterable[tuple[str, Value]]:
    """Yield the dotted name below `where` of every setting in a node, and its value as in `values_of`."""
    return ((name, value) for name, value, _ in _items(node, where))


def _items(node: Any, where: str) -> Iterable[tuple[str, Value, str]]:
    if dataclasses.is_dataclass(node):
        yield from ((f"{where}.{name}", value, text) for name, value, text in _section(cast(Hashable, node)))
        return
    if not isinstance(node, Mapping):
        text = node if isinstance(node, str) else json.dumps(node, sort_keys=True)
        yield where, math.nan if node is None else node if isinstance(node, bool | int | float) else text, text
        return
    for name, value in node.items():
        yield from _items(value, f"{where}.{name}" if where else str(name))


@lru_cache(maxsize=4096)
def _section(section: Any) -> tuple[tuple[str, Value, str], ...]:
    """Return the settings of one section; cached, since thousands of Runs share a section."""
    return tuple(_items({field.name: getattr(section, field.name) for field in dataclasses.fields(section)}, ""))
