"""How the protocol of a published number differs from that of Runs here, and whether the two are comparable."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.claims.published.numbers import Number
from bench.claims.published.protocol import Facts
from bench.core.cell_words import NO_WORDS, CellWords

Kind = Literal["measure", "model", "training", "runs"]
"""What a difference is about: how the score is computed, the model, its training and choice, or how many Runs."""

Comparable = Literal["yes", "partly", "no"]

CLOSE = 0.1
"""Counts of parameters that differ by less are called equal: print rounds them, and input widths differ."""

WORDS = {
    "hidden_size": "hidden units",
    "init.scale": "scale of initial weights",
    "init.scheme": "initial weights",
    "num_layers": "layers",
    "optim.clip_velocity": "largest norm of a step",
    "optim.eps_rule": "how eps enters",
    "optim.lr": "learning rate",
    "optim.momentum_scales_lr": "learning rate times (1 - momentum)",
    "optim.name": "optimiser",
    "optim.nesterov": "Nesterov momentum",
    "optim.schedule": "schedule",
    "train.batch_size": "batch size",
    "train.clip_norm": "clipping norm",
    "train.dropout": "dropout",
    "train.loss": "loss of a batch",
    "train.fraction": "share of the training split",
    "train.max_epochs": "most epochs",
    "train.patience": "patience",
    "train.weight_noise": "weight noise",
    "train.window": "window",
}
"""Settings in words; another one is called by its own name, a cell's field by what the cell calls it."""

OF_MODEL = ("cell.", "hidden_size", "num_layers")

PARTS = {"optim.name": "optim.", "init.scheme": "init."}
"""Choices whose further settings mean nothing to another choice: where these differ, the others are not compared."""


@dataclass(frozen=True)
class Here:
    """A group of Runs as far as a comparison asks: `settings` by dotted name, `ways` as in `names.yaml`.

    `words` are those of the cell, `repeat` what its Runs are repetitions over.
    """

    settings: Mapping[str, str]
    ways: Mapping[str, str]
    num_params: Mapping[str, float]
    split: str
    n_trials: int
    n_runs: int
    words: CellWords = NO_WORDS
    repeat: str = "seed"


@dataclass(frozen=True)
class Difference:
    """One aspect in which the two differ, as each declares it."""

    aspect: str
    there: str
    here: str
    kind: Kind

    def __str__(self) -> str:
        return f"{self.aspect} {self.there} (here {self.here})"


def differences(number: Number, facts: Facts, ours: Here) -> tuple[Difference, ...]:
    """Return in what a number, about which some facts are declared, differs from Runs; what is not stated is left out.

    Those of the measure come first, then model, training, and the number of Runs.
    """
    found = [*_measure(number, facts, ours), *_model(number, facts, ours), *_training(facts, ours)]
    order = ("measure", "model", "training", "runs")
    return tuple(sorted(found, key=lambda difference: order.index(difference.kind)))


def comparable(found: Sequence[Difference]) -> Comparable:
    """Return whether a published number is comparable, given the differences of its protocol.

    `no`: the score is another measure, or the number was never checked. `partly`: the same measure of a model or a
    training that differs. `yes`: nothing that is declared differs, but perhaps the number of Runs.
    """
    kinds = {difference.kind for difference in found}
    return "no" if "measure" in kinds else "partly" if kinds - {"runs"} else "yes"


def _measure(number: Number, facts: Facts, ours: Here) -> Iterator[Difference]:
    if number.is_from_memory:
        yield Difference("number", "quoted from memory", "measured", "measure")
    if number.split == "unknown":
        yield Difference("split", "not stated", ours.split, "measure")
    elif number.score_split != ours.split:
        yield Difference("split", number.score_split, ours.split, "measure")
    yield from _ways(facts.measure, ours, "measure")


def _model(number: Number, facts: Facts, ours: Here) -> Iterator[Difference]:
    yield from _size(number, facts, ours)
    yield from _ways(facts.model, ours, "model")
    for name, there in facts.settings.items():
        if name.startswith(OF_MODEL) and (name != "hidden_size" or number.units is None):
            yield from _setting(name, there, ours, "model")


def _size(number: Number, facts: Facts, ours: Here) -> Iterator[Difference]:
    """Compare hidden units where they are stated, else parameters of the same count."""
    if number.units is not None:
        yield from _setting("hidden_size", number.units, ours, "model")
        return
    count = facts.params_count
    if count is None or math.isnan(number.parameters) or math.isnan(ours.num_params.get(count, math.nan)):
        return
    here = ours.num_params[count]
    if abs(here / number.parameters - 1) > CLOSE:
        where = "recurrent parameters" if count == "recurrent" else "parameters in all"
        yield Difference(where, f"{number.parameters:,.0f}", f"{here:,.0f}", "model")


def _training(facts: Facts, ours: Here) -> Iterator[Difference]:
    moot = tuple(part for name, part in PARTS.items() if _differs(name, facts, ours))
    for name, there in facts.settings.items():
        if name in PARTS or not name.startswith((*OF_MODEL, *moot)):
            yield from _setting(name, there, ours, "training")
    if "train.fraction" in ours.settings:
        yield from _setting("train.fraction", 1.0, ours, "training")
    if facts.n_trials is not None and facts.n_trials != ours.n_trials:
        yield Difference("settings tried", str(facts.n_trials), str(ours.n_trials), "training")
    if facts.statistic:
        yield Difference("statistic", facts.statistic, _mean(ours), "training")
    elif facts.n_runs is not None and facts.n_runs != ours.n_runs:
        yield Difference("runs", str(facts.n_runs), str(ours.n_runs), "runs")


def _mean(ours: Here) -> str:
    return "mean over seeds of one setting" if ours.repeat == "seed" else "mean over replications of the search"


def _differs(name: str, facts: Facts, ours: Here) -> bool:
    return name in facts.settings and not _is_equal(facts.settings[name], ours.settings.get(name))


def _ways(there: Mapping[str, str], ours: Here, kind: Kind) -> Iterator[Difference]:
    for aspect, way in there.items():
        here = ours.ways.get(aspect, "not stated")
        if way != here:
            yield Difference(aspect, way, here, kind)


def _setting(name: str, there: Any, ours: Here, kind: Kind) -> Iterator[Difference]:
    here = ours.settings.get(name)
    if not _is_equal(there, here):
        section, _, field = name.partition(".")
        aspect = ours.words.field(field) if section == "cell" else WORDS.get(name, name)
        yield Difference(aspect, _shown(there), _shown(_value(here)), kind)


def _is_equal(there: Any, here: str | None) -> bool:
    """Return whether a declared value is a setting's; a setting that a cell or a task does not have is off."""
    value = _value(here)
    if value is None or isinstance(there, bool) or isinstance(value, bool):
        return bool(there) == bool(value) and not isinstance(there, str)
    if isinstance(there, (int, float)) and isinstance(value, (int, float)):
        return math.isclose(there, value, rel_tol=1e-3)
    return str(there) == str(value)


def _value(text: str | None) -> Any:
    """Return a setting's value from its text, which is JSON unless it is a word."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "with" if value else "without"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
