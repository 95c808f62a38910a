"""A claim: a sentence from the literature, and its test, fixed before any run is seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml

from bench.core.errors import ConfigError
from bench.core.schema import Matching, Positive, Share, build
from bench.core.settings.training import Regulariser
from bench.core.yaml_files import conf_dir, load, paths
from bench.stats.estimate import ClaimDirection

Name = Annotated[str, Matching(r"[a-z][a-z0-9_]{0,59}", "lower-case letters, digits and _, at most 60")]
Sentence = Annotated[str, Matching(r"(?s).{1,600}", "between 1 and 600 characters")]
Note = Annotated[str, Matching(r"(?s).{0,1500}", "at most 1,500 characters")]

Quantity = Literal[
    "loss",
    "train_loss",
    "overfit",
    "seconds_per_update",
    "units_per_second",
    "updates_to_threshold",
    "seconds_to_threshold",
    "num_params",
]
EstimatorName = Literal[
    "paired_difference",
    "ratio_of_paired_medians",
    "median_of_paired_ratios",
    "restricted_mean_difference",
    "exact_count_ratio",
    "interaction_with_fraction",
    "difference_of_differences",
    "importance_share",
]
SizeMode = Literal["hidden", "params", "flops", "seconds", "same", "any"]

RATIOS = ("ratio_of_paired_medians", "median_of_paired_ratios", "exact_count_ratio")
"""Estimators of a ratio: no effect is 1, or what is `expected`."""

OVER_DATA = "interaction_with_fraction"
"""The estimator of how a difference changes with each doubling of the training data (`train.fraction`)."""

WITH_AND_WITHOUT = "difference_of_differences"
"""The estimator of how a difference changes when a regulariser is turned on."""

TIMED = ("seconds_per_update", "units_per_second", "seconds_to_threshold")
"""Quantities that depend on the machine and the kernel."""

THRESHOLDS = ("updates_to_threshold", "seconds_to_threshold")


@dataclass(frozen=True)
class Claim:
    """One claim, as its file in `conf/claim/` or in the user's `./claim/` states it.

    `tasks`: names of tasks, or the families `music`, `text`, `all`. `cells`: the left and the right one, by name or
    else kind, with fields where only some settings are meant: `lstm forget_bias=1`. `metric` is what is compared:
    `loss` in the task's own metric on the split that is scored, `overfit` that minus the same on the training split.
    The effect is left minus right, or left over right; `direction` says how it differs from none.

    `size_mode` is how the sizes of the runs must have been made fair, `same` being equal shapes whatever they were
    chosen for, as is fair to variants of one cell; `size_count` is what was counted for it, `budget` the range in which
    that budget must lie. `margin` holds the effects that do not matter, in the unit of the metric; `relative_margin`
    does so as a share of the right side. `threshold` sets the validation loss to reach: a share of the way, in nats,
    from the unigram model's to that of the cell that gets less far. `factors`, for importance: the setting whose share
    is the larger, and than whose, if not than all others' together. `regulariser`, for a difference of differences: the
    setting that is on in one of them and off in the other. `across`: each data set by itself, or all must agree. `note`
    is what a reader should know before believing it.
    """

    name: Name
    sentence: Sentence
    source: Sentence
    tasks: tuple[str, ...]
    cells: tuple[str, ...]
    metric: Quantity
    estimator: EstimatorName
    direction: ClaimDirection
    size_mode: SizeMode = "any"
    size_count: Literal["recurrent", "total"] | None = None
    budget: tuple[Positive, ...] = ()
    margin: Positive | None = None
    relative_margin: Share | None = None
    expected: Positive = 1.0
    threshold: Share | None = None
    factors: tuple[str, ...] = ()
    regulariser: Regulariser | None = None
    across: Literal["each", "all"] = "each"
    note: Note = ""

    @cached_property
    def choices(self) -> tuple[CellChoice, ...]:
        return tuple(cell_choice(text, f"{self.name}.cells[{i}]") for i, text in enumerate(self.cells))

    @property
    def is_ratio(self) -> bool:
        return self.estimator in RATIOS


def claim_of(node: Mapping[str, Any], where: str) -> Claim:
    """Return the claim that a YAML node states. Raises ConfigError."""
    claim = build(Claim, node, where)
    _check_sides(claim, where)
    _check_margin(claim, where)
    _check_estimator(claim, where)
    return claim


def _check_sides(claim: Claim, where: str) -> None:
    if not claim.tasks:
        raise ConfigError(f"{where}.tasks", "must name a task or one of the families music, text, all; got none")
    n = 1 if claim.estimator == "importance_share" else 2
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


def _check_margin(claim: Claim, where: str) -> None:
    given = [name for name in ("margin", "relative_margin") if getattr(claim, name) is not None]
    if len(given) > 1:
        raise ConfigError(f"{where}.margin", "is given beside relative_margin; allowed is one of them")
    if claim.is_ratio and claim.margin is not None:
        raise ConfigError(f"{where}.margin", "is in units and a ratio has none; allowed is relative_margin")
    if not given and claim.direction == "alike":
        raise ConfigError(f"{where}.margin", "is required where the claim is that both are alike; got none")


def _check_estimator(claim: Claim, where: str) -> None:
    """Refuse a metric that the estimator is not for."""
    if (claim.estimator == "importance_share") != (len(claim.factors) in (1, 2)):
        raise ConfigError(f"{where}.factors", f"are one or two, for importance_share, got {len(claim.factors)}")
    if (claim.estimator == WITH_AND_WITHOUT) != (claim.regulariser is not None):
        raise ConfigError(f"{where}.regulariser", f"belongs to {WITH_AND_WITHOUT}, got {claim.regulariser}")
    for_threshold = claim.metric in THRESHOLDS
    if for_threshold != (claim.estimator == "restricted_mean_difference"):
        raise ConfigError(
            f"{where}.estimator",
            f"is restricted_mean_difference exactly for {' and '.join(THRESHOLDS)}, "
            f"got {claim.estimator} for {claim.metric}",
        )
    if for_threshold != (claim.threshold is not None):
        raise ConfigError(f"{where}.threshold", f"belongs to {' and '.join(THRESHOLDS)}, got {claim.threshold}")
    if (claim.metric == "num_params") != (claim.estimator == "exact_count_ratio"):
        got = f"got {claim.estimator} for {claim.metric}"
        raise ConfigError(f"{where}.estimator", f"is exact_count_ratio exactly for num_params, {got}")


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
