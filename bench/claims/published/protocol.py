"""The protocol of each paper, as far as stated: one YAML file per paper, in `protocols/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from bench.claims.published.names import names
from bench.claims.published.numbers import Number
from bench.core.schema import build


@dataclass(frozen=True)
class Facts:
    """Facts declared about some of a paper's numbers; what the paper does not state is absent.

    `where` maps a column to the value, or the list of values, of the rows concerned: none for all. `settings` are
    named as the settings of a Run; `measure` are ways to compute a score, `model` ways to build a model, that have no
    setting here. `other` says what makes a model none of the cells here, or a number no result of one training.
    """

    where: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    measure: Mapping[str, str] = field(default_factory=dict)
    model: Mapping[str, str] = field(default_factory=dict)
    params_count: Literal["recurrent", "total"] | None = None
    n_trials: int | None = None
    n_runs: int | None = None
    statistic: str = ""
    other: str = ""

    def concern(self, number: Number) -> bool:
        """Return whether these facts apply to a number."""
        wanted = {name: value if isinstance(value, list) else [value] for name, value in self.where.items()}
        return all(getattr(number, name) in values for name, values in wanted.items())


@dataclass(frozen=True)
class Protocol:
    """A paper's protocol, in words and as facts for comparison; later facts override earlier ones."""

    paper: str
    title: str
    reference: str
    training: str
    selection: str
    score: str
    not_stated: tuple[str, ...]
    facts: tuple[Facts, ...]
    notes: str = ""


@cache
def protocols() -> dict[str, Protocol]:
    """Return the protocol of each paper, by the paper's name in the rows."""
    folder = files("bench.claims.published").joinpath("protocols")
    read = {}
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".yaml"):
            protocol = build(Protocol, yaml.safe_load(file.read_text(encoding="utf-8")), file.name)
            read[protocol.paper] = protocol
    return read


def facts_of(number: Number) -> Facts:
    """Return all facts declared about one number."""
    merged = Facts()
    for facts in protocols()[number.paper].facts:
        if facts.concern(number):
            merged = Facts(
                settings={**merged.settings, **facts.settings},
                measure={**merged.measure, **facts.measure},
                model={**merged.model, **facts.model},
                params_count=facts.params_count or merged.params_count,
                n_trials=facts.n_trials if facts.n_trials is not None else merged.n_trials,
                n_runs=facts.n_runs if facts.n_runs is not None else merged.n_runs,
                statistic=facts.statistic or merged.statistic,
                other=facts.other or merged.other,
            )
    return merged


def here(task: str, kind: str) -> dict[str, str]:
    """Return what gatebench does on a task of a kind, in the words of `measure` and `model`."""
    ways = names().here
    return {**ways.get(kind, {}), **ways.get(task, {})}
