"""A claim: a sentence from the literature, and its test, fixed before any run is seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from bench.core.errors import ConfigError
from bench.core.schema import Matching, Positive, Share, build
from bench.core.settings.training import Regulariser
from bench.core.yaml_files import conf_dir, load, paths

Name = Annotated[str, Matching(r"[a-z][a-z0-9_]{0,59}", "lower-case letters, digits and _, at most 60")]
Sentence = Annotated[str, Matching(r"[\s\S]{1,600}", "between 1 and 600 characters")]

Note = Annotated[str, Matching(r"[\s\S]{0,1500}", "at most 1,500 characters")]

Quantity = Literal[
    "loss",
    "train_loss",
    "overfit",
    "seconds_per_update",
    "units_per_second",
    "updates_to_threshold",
    "seconds_to_threshold",
    "num_params",
    "share_near_best",
    "share_diverged",
]
Kind = Literal["loss", "time", "share", "count"]
"""Kinds of quantities, each with one margin."""

Direction = Literal["better", "worse", "alike", "not_worse", "closes", "more"]
SizeMode = Literal["hidden", "params", "flops", "seconds", "same", "any"]

FRACTION = "train.fraction"

Over = Literal["train.fraction", Regulariser]
"""Settings whose change may change a difference."""

TIMED = ("seconds_per_update", "units_per_second", "seconds_to_threshold")
"""Quantities that depend on the machine and the kernel."""

THRESHOLDS = ("updates_to_threshold", "seconds_to_threshold")

OF_TRIALS = ("share_near_best", "share_diverged")
"""Quantities of the trials of a search: of its settings, how many come near the best, and how many diverge."""

RATIOS = ("seconds_per_update", "units_per_second", "num_params")
"""Quantities whose effect is left over right; of all others it is left minus right."""

ADJECTIVES = {
    "overfit": ("overfits less", "overfits more"),
    "seconds_per_update": ("faster", "slower"),
    "units_per_second": ("faster", "slower"),
    "updates_to_threshold": ("sooner there", "later there"),
    "seconds_to_threshold": ("sooner there", "later there"),
    "num_params": ("smaller", "larger"),
    "share_near_best": ("near its best at more settings", "near its best at fewer settings"),
    "share_diverged": ("diverges less", "diverges more"),
}
"""What it is to be better or worse in a quantity, where these are not the words."""


@dataclass(frozen=True)
class Comparison:
    """What is compared: two sides, in an order of their own, a quantity, and the rule by which sizes are fair.

    On each data set it has one effect card, which all claims about it read.
    """

    cells: tuple[str, str]
    metric: Quantity
    size_mode: SizeMode = "any"
    size_count: Literal["recurrent", "total"] | None = None
    budget: tuple[float, ...] = ()
    threshold: float | None = None
    over: str | None = None
    data: Literal["most", "least"] | None = None
    pairs: Literal["repetitions", "trials"] = "repetitions"

    @property
    def choices(self) -> tuple[CellChoice, ...]:
        return tuple(cell_choice(text, "cells") for text in self.cells)

    @property
    def is_ratio(self) -> bool:
        return self.metric in RATIOS

    @property
    def regulariser(self) -> str | None:
        """The regulariser that is off and then on, if that is what the comparison is over."""
        return None if self.over == FRACTION else self.over

    @property
    def kind(self) -> Kind:
        """Which margin holds."""
        if self.metric == "num_params":
            return "count"
        if self.metric in OF_TRIALS:
            return "share"
        return "time" if self.metric in (*TIMED, *THRESHOLDS) else "loss"

    @property
    def is_minimised(self) -> bool:
        """Whether less of the quantity is better; of a score, its task says so."""
        return self.metric not in ("units_per_second", "share_near_best")


@dataclass(frozen=True)
class Claim:
    """One claim, as its file in `conf/claim/` or in the user's `./claim/` states it.

    `name` is that of the file. `sentence` is what is claimed and `source` who says so, or what it rests on.
    `is_quoted` where the sentence is printed so at its source; else it is in our words. `tasks`: names of tasks, or the
    families `music`, `text`, `all`. `cells`: the left and the right one, by name or else kind, with fields where only
    some settings are meant: `lstm forget_bias=1`. `metric` is what is compared: `loss` in the task's own metric on the
    split that is scored, `overfit` that minus the same on the training split. `direction` says how left compares with
    right: `not_worse` is anything but worse by the margin, `closes` that left closes the gap which `without` leaves,
    and `more` belongs to `factors`. `expected` is the ratio of two numbers of parameters that the sentence names.

    `size_mode` is how the sizes of the runs must have been made fair, `same` being equal shapes whatever they were
    chosen for, as is fair to variants of one cell; `size_count` is what was counted for it, `budget` the range in which
    that budget must lie. `threshold` sets the validation loss to reach: a share of the way, in nats, from the unigram
    model's to that of the cell that gets less far. `over`: the effect is by how much the difference of the two changes
    from the smallest share of the training data to the largest (`train.fraction`), or when a regulariser is turned on.
    `data`: the two are compared at the largest or the smallest share of a sweep over the training data. `pairs`: a time
    to a threshold is compared over the repetitions of either side's best settings, or over `trials` of equal settings.
    `factors`, for importance: the setting whose share of the variance is the larger, and than whose, if not than all
    others' together. `across`: each data set by itself, or one word for all of them (`all`), or for data sets in
    general, of which these are a sample. `waits_for` says what there must be before the claim can be tested. `note` is
    what a reader should know before believing it.
    """

    name: Name
    sentence: Sentence
    source: Sentence
    tasks: tuple[str, ...]
    cells: tuple[str, ...]
    metric: Quantity
    direction: Direction
    is_quoted: bool = False
    size_mode: SizeMode = "any"
    size_count: Literal["recurrent", "total"] | None = None
    budget: tuple[Positive, ...] = ()
    expected: Positive = 1.0
    threshold: Share | None = None
    over: Over | None = None
    data: Literal["most", "least"] | None = None
    pairs: Literal["repetitions", "trials"] = "repetitions"
    without: str | None = None
    factors: tuple[str, ...] = ()
    across: Literal["each", "all", "general"] = "each"
    waits_for: Note = ""
    note: Note = ""

    @property
    def comparison(self) -> Comparison:
        """What the claim compares, its sides in the order of comparisons."""
        return self._comparison_of(*sorted(self.cells))

    @property
    def gap(self) -> Comparison:
        """For a gap that is closed, what it was: the comparison of `without` and the right side."""
        return self._comparison_of(*sorted((self.without or self.cells[0], self.cells[1])))

    def _comparison_of(self, left: str, right: str) -> Comparison:
        return Comparison(
            (left, right),
            self.metric,
            self.size_mode,
            self.size_count,
            self.budget,
            self.threshold,
            self.over,
            self.data,
            self.pairs,
        )


def claim_of(node: Mapping[str, Any], where: str) -> Claim:
    """Return the claim that a YAML node states. Raises ConfigError."""
    claim = build(Claim, node, where)
    _check_sides(claim, where)
    _check_effect(claim, where)
    return claim


def _check_sides(claim: Claim, where: str) -> None:
    if not claim.tasks:
        raise ConfigError(f"{where}.tasks", "must name a task or one of the families music, text, all; got none")
    n = 1 if claim.factors else 2
    if len(claim.cells) < n or len(claim.cells) > 2:
        raise ConfigError(f"{where}.cells", f"must be {'one or two' if n == 1 else 'two'}, got {len(claim.cells)}")
    for i, text in enumerate(claim.cells):
        cell_choice(text, f"{where}.cells[{i}]")
    if len(claim.budget) not in (0, 2) or list(claim.budget) != sorted(claim.budget):
        raise ConfigError(f"{where}.budget", f"must be the lowest and the highest, got {list(claim.budget)}")
    if claim.size_count and claim.size_mode not in ("params", "flops"):
        raise ConfigError(f"{where}.size_count", f"needs size_mode params or flops, got {claim.size_mode}")
    if claim.budget and claim.size_mode in ("hidden", "same", "any"):
        raise ConfigError(f"{where}.budget", f"needs size_mode params, flops or seconds, got {claim.size_mode}")


def _check_effect(claim: Claim, where: str) -> None:
    """Refuse a direction or a part of the test that the quantity is not for."""
    if (claim.direction == "more") != (len(claim.factors) in (1, 2)):
        raise ConfigError(f"{where}.factors", f"are one or two, for direction more, got {len(claim.factors)}")
    if (claim.direction == "closes") != (claim.without is not None):
        raise ConfigError(f"{where}.without", f"belongs to direction closes, got {claim.without}")
    if claim.without is not None:
        cell_choice(claim.without, f"{where}.without")
    if (claim.metric in THRESHOLDS) != (claim.threshold is not None):
        raise ConfigError(f"{where}.threshold", f"belongs to {' and '.join(THRESHOLDS)}, got {claim.threshold}")
    if claim.expected != 1 and claim.metric != "num_params":
        raise ConfigError(f"{where}.expected", f"belongs to num_params, got {claim.expected:g} for {claim.metric}")
    if claim.over and (claim.metric in (*RATIOS, *THRESHOLDS) or claim.factors):
        raise ConfigError(f"{where}.over", f"is for a loss, got {claim.metric}")
    if claim.pairs == "trials" and claim.metric not in THRESHOLDS:
        raise ConfigError(f"{where}.pairs", f"are trials for {' and '.join(THRESHOLDS)}, got {claim.metric}")
    if claim.over and claim.data:
        raise ConfigError(f"{where}.data", f"is for one share of the training data, got {claim.data} beside over")


@dataclass(frozen=True)
class CellChoice:
    """A cell by its name or kind, and the fields that its YAML node must have."""

    word: str
    fields: tuple[tuple[str, str | float | bool], ...] = ()

    def admits(self, node: Mapping[str, Any]) -> bool:
        """Return whether a resolved cell node matches."""
        is_named = self.word in (node.get("name"), node.get("kind"))
        return is_named and all(name in node and _is_equal(node[name], value) for name, value in self.fields)

    @property
    def fields_text(self) -> str:
        """The fields as written, "" if there is no restriction."""
        return " ".join(f"{name}={_text(value)}" for name, value in self.fields)


def cell_choice(text: str, where: str) -> CellChoice:
    """Read `lstm` or `lstm forget_bias=1`. Raises ConfigError."""
    word, *fields = text.split() or [""]
    matches = [re.fullmatch(r"(\w+)=([\w.+-]+)", field) for field in fields]
    if not re.fullmatch(r"[\w.-]{1,60}", word) or not all(matches):
        raise ConfigError(where, f"must read `NAME` or `NAME field=value`, got {text!r}")
    return CellChoice(word, tuple((match[1], yaml.safe_load(match[2])) for match in matches if match))


def _is_equal(found: object, value: str | float | bool) -> bool:
    return type(found) is not bool and found == value if type(value) is not bool else found is value


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


GROUP = "claim"


def read_claims() -> tuple[Claim, ...]:
    """Return all claims in the order of their names; a shipped claim shadows a user's claim of the same name.

    Raises ConfigError for a file that is no claim.
    """
    return tuple(_read(path) for path in paths(GROUP).values())


def _read(path: Path) -> Claim:
    where = f"{GROUP}.{path.stem}" if path.parent.parent == conf_dir() else str(path)
    claim = claim_of(load(path), where)
    if claim.name != path.stem:
        raise ConfigError(f"{where}.name", f"must be that of its file, {path.stem}, got {claim.name}")
    return claim
