"""Effect cards of comparisons: one for each data set, whose intervals hold together over all data sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bench.claims.claim import ADJECTIVES, THRESHOLDS, TIMED, Comparison
from bench.claims.margins import margins
from bench.claims.quantities import Measured, measured, measured_over_steps
from bench.claims.sides import NotTestedError, Side, Steps, of_equal_conditions, steps_of
from bench.core.interval import ENOUGH, Interval
from bench.core.seeds import stream
from bench.core.wording import listed, plain, quantity
from bench.results.labels import budget_label, size_label
from bench.stats.card import LEVEL, Card, Margin, share_won
from bench.stats.interaction import difference_of_differences, slope_over_fractions
from bench.stats.paired import paired_difference
from bench.stats.ratio import median_of_ratios
from bench.stats.survival import Times, restricted_mean, restricted_mean_difference

UNTUNED = "none"
"""The tuning of sides that ran with given settings."""


@dataclass(frozen=True)
class DataSet:
    """The rows of the summary of one data set, and its runs."""

    rows: pd.DataFrame
    runs: pd.DataFrame

    @property
    def label(self) -> str:
        return str(self.rows["task_label"].iloc[0])

    @property
    def name(self) -> str:
        return str(self.rows["task"].iloc[0])


@dataclass(frozen=True)
class Compared:
    """A card with the evidence behind it.

    `runs` says which runs were compared, `what` of what the effect is, `tuning` how many trials each side had, and
    `scope` for which settings the card speaks, "" where it is for whatever the same procedure would find. `groups` are
    those of the report's frames; `differences` are left minus right by seed.
    """

    card: Card
    runs: str
    what: str
    tuning: str
    scope: str
    groups: tuple[str, ...]
    differences: Mapping[int, float] = field(default_factory=dict)

    @property
    def sides(self) -> str:
        """The sides as the effect is taken of them."""
        return f"{self.card.left} {'/' if self.card.is_ratio else '−'} {self.card.right}"

    def mirrored(self) -> Compared:
        """Return the same with its sides exchanged."""
        differences = {seed: -each for seed, each in self.differences.items()}
        return replace(self, card=self.card.mirrored(), differences=differences)


Cards = Mapping[str, Compared | str]
"""Label of a data set to the card there, or to the reason why there is none."""


def cards_of(comparison: Comparison, data_sets: Sequence[DataSet], points: pd.DataFrame) -> Cards:
    """Return the card of a comparison on each data set.

    Each of the m intervals of at least ENOUGH pairs has a confidence of 1 - LEVEL / m, so that all of them hold
    together with 1 - LEVEL (Bonferroni).
    """
    looked = {each.label: _looked(comparison, each, points) for each in data_sets}
    m = sum(1 for found in looked.values() if isinstance(found, _Case) and len(found.measured.seeds) >= ENOUGH)
    confidence = 1 - LEVEL / max(m, 1)
    return {
        label: found if isinstance(found, str) else _compared(comparison, found, confidence)
        for label, found in looked.items()
    }


@dataclass(frozen=True)
class _Case:
    """A comparison on one data set before its interval is taken."""

    data_set: DataSet
    steps: Steps
    measured: Measured


def _looked(comparison: Comparison, data_set: DataSet, points: pd.DataFrame) -> _Case | str:
    try:
        steps = steps_of(comparison, data_set.rows, data_set.runs)
        if comparison.metric in TIMED:
            steps = tuple(of_equal_conditions(*sides) for sides in steps)
        is_one = len(steps) == 1
        found = measured(comparison, steps[0], points) if is_one else measured_over_steps(comparison, steps, points)
    except NotTestedError as error:
        return str(error)
    return _Case(data_set, steps, found)


def _compared(comparison: Comparison, case: _Case, confidence: float) -> Compared:
    steps, found = case.steps, case.measured
    sides = steps[-1]
    groups = tuple(str(side.row["group"]) for pair in steps for side in pair)
    is_minimised = comparison.is_minimised and not (
        comparison.kind == "loss" and sides[0].row["direction"] == "maximise"
    )
    label = f"{'/'.join(comparison.cells)}:{comparison.metric}:{':'.join(groups)}"
    margin = _margin(comparison, case.data_set).around(_levels(comparison, found), is_minimised=is_minimised)
    pairs = (found.left, found.right)
    if found.differences:
        pairs = (tuple(each[-1] for each in found.differences), tuple(each[0] for each in found.differences))
    card = Card(
        case.data_set.label,
        sides[0].name,
        sides[1].name,
        is_minimised,
        (float(np.mean(found.left)), float(np.mean(found.right))),
        _interval(comparison, found, label, confidence),
        confidence,
        margins()["time"].size if comparison.is_ratio else margin,
        share_won(*pairs, is_minimised=is_minimised, confidence=confidence),
        null=1.0 if comparison.is_ratio else 0.0,
        is_ratio=comparison.is_ratio,
        adjective=ADJECTIVES.get(comparison.metric, ("better",))[0],
        unit=str(sides[0].row["metric"]) if comparison.kind == "loss" else comparison.metric,
    )
    return Compared(
        card,
        _runs_phrase(comparison, steps, found),
        found.what,
        _tuning_phrase(sides),
        _scope(sides),
        groups,
        {seed: first - second for seed, first, second in zip(found.seeds, *pairs, strict=True)},
    )


def _margin(comparison: Comparison, data_set: DataSet) -> Margin:
    """Return the margin of the kind of quantity, or the one that the task states for its score."""
    own = float(data_set.runs["margin"].iloc[0])
    if comparison.kind == "loss" and not math.isnan(own):
        return Margin(own, is_share=False)
    return margins()[comparison.kind]


def _levels(comparison: Comparison, found: Measured) -> tuple[float, float]:
    if comparison.metric not in THRESHOLDS:
        return found.levels
    left, right = _times(found)
    return restricted_mean(left, found.horizon), restricted_mean(right, found.horizon)


def _interval(comparison: Comparison, found: Measured, label: str, confidence: float) -> Interval:
    """Return the interval of the effect; `label` names the stream of a bootstrap."""
    if comparison.is_ratio:
        seed = stream("bootstrap", label=label)
        return median_of_ratios(found.left, found.right, seed=seed, confidence=confidence)
    if comparison.metric in THRESHOLDS:
        return _between_evaluations(
            restricted_mean_difference(*_times(found), found.horizon, confidence=confidence), found.resolution
        )
    if not found.differences:
        return paired_difference(found.left, found.right, confidence=confidence)
    differences = np.asarray(found.differences)
    if comparison.regulariser is not None:
        return difference_of_differences(differences, confidence=confidence)
    slope = slope_over_fractions(differences, found.fractions, confidence=confidence)
    doublings = float(np.log2(found.fractions[-1] / found.fractions[0]))
    return replace(slope, mean=doublings * slope.mean, low=doublings * slope.low, high=doublings * slope.high)


def _between_evaluations(found: Interval, resolution: tuple[float, float]) -> Interval:
    """Widen an interval of times by what may have passed since the evaluation before, on either side.

    A time is known to lie between two evaluations and no better, whatever the pairs agree on: the interval is that of
    the lower bounds of all differences and of the upper bounds together.
    """
    kind = f"{found.kind}, times known to an evaluation"
    return replace(found, low=found.low - resolution[0], high=found.high + resolution[1], kind=kind)


def _times(found: Measured) -> tuple[Times, Times]:
    return Times(found.left, found.is_reached[0]), Times(found.right, found.is_reached[1])


def _scope(sides: tuple[Side, Side]) -> str:
    """Return for which settings a card speaks: those that ran or that one search found."""
    if any(int(side.row["tuning_runs"]) for side in sides):
        return "for the settings that this search found"
    return "for the settings that ran"


def _runs_phrase(comparison: Comparison, steps: Steps, found: Measured) -> str:
    sides, is_swept = steps[-1], len(steps) > 1
    shapes = [
        f"{side.name} at {size_label(side.row['hidden_size'], side.row['num_layers'])}{'' if is_swept else _set(side)}"
        for side in sides
    ]
    each = f", each {_steps_phrase(comparison, found)}" * is_swept
    budgets = {budget_label(side.row) for side in sides}
    budget = f", sizes for {budgets.pop()}" if len(budgets) == 1 and "" not in budgets else ""
    kernel = f", all on the kernel {plain(sides[0].done['kernel'].iloc[0], 40)}" if comparison.metric in TIMED else ""
    pairs = f"paired by {quantity(len(found.seeds), 'seed')}"
    if comparison.data is not None:
        each += f", each trained on {sides[0].row['train_fraction']:g} of the training split"
    left_out = _left_out_phrase([side for sides in steps for side in sides], found)
    return f"{listed(shapes)} (hidden × layers){budget}{each}{kernel}, {pairs}{left_out}"


def _steps_phrase(comparison: Comparison, found: Measured) -> str:
    if comparison.regulariser is not None:
        return f"without {comparison.regulariser} and with it"
    return f"trained on {listed([f'{fraction:g}' for fraction in found.fractions])} of the training split"


def _left_out_phrase(sides: Sequence[Side], found: Measured) -> str:
    unreached = [reached.count(False) for reached in found.is_reached]
    never = f"; {unreached[0]} and {unreached[1]} runs never got there" if any(unreached) else ""
    worst = f"; {quantity(found.n_diverged, 'run')} that diverged counted at the worst loss" if found.n_diverged else ""
    unfinished = sum(int((side.runs["status"] != "done").sum()) for side in sides)
    elsewhere = sum(len(side.runs) - len(side.done) for side in sides) - unfinished
    failed = unfinished - found.n_diverged - _lost_on_the_way(sides, found)
    parts = [f"{quantity(failed, 'run')} that did not finish"] if failed else []
    parts += [f"{quantity(elsewhere, 'run')} on another kernel or machine"] if elsewhere else []
    return f"{never}{worst}; left out: {listed(parts)}" if parts else f"{never}{worst}"


def _lost_on_the_way(sides: Sequence[Side], found: Measured) -> int:
    """Return how many runs that diverged are among those that never reached a threshold."""
    if not any(found.is_reached):
        return 0
    return sum(int((side.runs["status"] == "diverged").sum()) for side in sides)


def _set(side: Side) -> str:
    return f" with {plain(side.row['settings'], 80)}" if side.row["settings"] else ""


def _tuning_phrase(sides: tuple[Side, Side]) -> str:
    left, right = (int(side.row["tuning_runs"]) for side in sides)
    if left == right:
        return f"{quantity(left, 'trial')} each" if left else UNTUNED
    return f"{left:,} and {right:,} trials: unequal"
