"""Effect cards of comparisons: one for each data set, whose intervals hold together over all data sets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from bench.claims.claim import ADJECTIVES, THRESHOLDS, TIMED, Comparison
from bench.claims.edges import edges_phrase
from bench.claims.margins import margins
from bench.claims.phrases import NEARBY, runs_phrase, scope_of, tuning_phrase, widths_phrase
from bench.claims.quantities import Measured, measured, measured_over_steps
from bench.claims.sides import NotTestedError, Side, Steps, of_equal_conditions, sides_over_sizes, steps_of
from bench.claims.trials import sides_of_trials
from bench.core.interval import ENOUGH, Interval
from bench.core.seeds import stream
from bench.core.wording import quantity
from bench.results.pieces import difference_over_pieces
from bench.results.run import RunRecord
from bench.results.trial_frames import Tuned
from bench.stats.card import Card, Margin, confidence_of, share_won
from bench.stats.interaction import difference_of_differences, slope_over_fractions
from bench.stats.paired import paired_difference
from bench.stats.pieces import CrossedDifference
from bench.stats.ratio import median_of_ratios
from bench.stats.survival import Times, restricted_mean, restricted_mean_difference


@dataclass(frozen=True)
class DataSet:
    """The rows of the summary of one data set, its runs, the records of all runs by their keys, and its studies."""

    rows: pd.DataFrame
    runs: pd.DataFrame
    records: Mapping[str, RunRecord] = field(default_factory=dict)
    tuned: tuple[Tuned, ...] = ()

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
    those of the report's frames; `differences` are left minus right by seed. `crossed` has the two parts of an interval
    that holds new repetitions and new test pieces; `edges` says where the settings of a side lie at an edge of what was
    searched, "" where none do.
    """

    card: Card
    runs: str
    what: str
    tuning: str
    scope: str
    groups: tuple[str, ...]
    differences: Mapping[int, float] = field(default_factory=dict)
    crossed: CrossedDifference | None = None
    edges: str = ""

    @property
    def sides(self) -> str:
        """The sides as the effect is taken of them."""
        return f"{self.card.left} {'/' if self.card.is_ratio else '−'} {self.card.right}"

    def mirrored(self) -> Compared:
        """Return the same with its sides exchanged."""
        differences = {seed: -each for seed, each in self.differences.items()}
        return replace(self, card=self.card.mirrored(), differences=differences)


TO_AN_EVALUATION = ", times known to an evaluation"
"""End of the kind of an interval that is as wide as an evaluation however many pairs there are."""

Cards = Mapping[str, Compared | str]
"""Label of a data set to the card there, or to the reason why there is none."""


def cards_of(comparison: Comparison, data_sets: Sequence[DataSet], points: pd.DataFrame) -> Cards:
    """Return the card of a comparison on each data set.

    The intervals of at least ENOUGH pairs are of the confidence at which all of them hold together (Bonferroni).
    """
    looked = {each.label: _looked(comparison, each, points) for each in data_sets}
    m = sum(1 for found in looked.values() if isinstance(found, _Case) and len(found.measured.seeds) >= ENOUGH)
    confidence = confidence_of(m)
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
    nearby: tuple[tuple[Steps, Measured], ...] = ()


def _looked(comparison: Comparison, data_set: DataSet, points: pd.DataFrame) -> _Case | str:
    try:
        steps = steps_of(comparison, data_set.rows, data_set.runs)
        if comparison.metric in TIMED:
            steps = tuple(of_equal_conditions(*sides) for sides in steps)
        if comparison.pairs == "trials":
            return _Case(data_set, steps, _over_trials(comparison, data_set, steps[0], points))
        is_one = len(steps) == 1
        found = measured(comparison, steps[0], points) if is_one else measured_over_steps(comparison, steps, points)
        nearby = tuple(_nearby(comparison, data_set, steps[0], points)) if comparison.is_ratio else ()
    except NotTestedError as error:
        return str(error)
    return _Case(data_set, steps, found, nearby)


def _over_trials(comparison: Comparison, data_set: DataSet, sides: tuple[Side, Side], points: pd.DataFrame) -> Measured:
    trials = sides_of_trials(comparison, sides, data_set.runs, data_set.tuned)
    if comparison.metric in TIMED:
        trials = of_equal_conditions(*trials)
    return measured(comparison, trials, points, sides)


def _nearby(
    comparison: Comparison, data_set: DataSet, sides: tuple[Side, Side], points: pd.DataFrame
) -> Iterator[tuple[Steps, Measured]]:
    """Yield the sides at the other fair sizes within NEARBY units of width, with what was measured there."""
    for others in sides_over_sizes(comparison, data_set.rows, data_set.runs)[1:]:
        pairs = [(side.row, other.row) for side, other in zip(sides, others, strict=True)]
        is_other = any(own["hidden_size"] != row["hidden_size"] for own, row in pairs)
        if is_other and all(_is_near(own, row) for own, row in pairs):
            with suppress(NotTestedError):
                alike = of_equal_conditions(*others)
                yield (alike,), measured(comparison, alike, points)


def _is_near(first: pd.Series, second: pd.Series) -> bool:
    is_as_deep = first["num_layers"] == second["num_layers"]
    return bool(is_as_deep and abs(first["hidden_size"] - second["hidden_size"]) <= NEARBY)


def _compared(comparison: Comparison, case: _Case, confidence: float) -> Compared:
    steps, found = case.steps, case.measured
    sides = steps[-1]
    groups = tuple(str(side.row["group"]) for pair in steps for side in pair)
    is_minimised = comparison.is_minimised and not (
        comparison.kind == "loss" and sides[0].row["direction"] == "maximise"
    )
    label = f"{'/'.join(comparison.cells)}:{comparison.metric}:{':'.join(groups)}"
    margin = _margin(comparison, case.data_set)
    pairs = (found.left, found.right)
    if found.differences:
        pairs = (tuple(each[-1] for each in found.differences), tuple(each[0] for each in found.differences))
    at_widths = (found, *(elsewhere for _, elsewhere in case.nearby))
    crossed = _crossed(case, confidence)
    own = [_interval(comparison, each, label, confidence) for each in at_widths]
    card = Card(
        case.data_set.label,
        sides[0].name,
        sides[1].name,
        is_minimised,
        (float(np.mean(found.left)), float(np.mean(found.right))),
        _over_widths(own) if crossed is None else crossed.interval,
        confidence,
        margin.size if comparison.is_ratio else margin.around(_levels(comparison, found), is_minimised=is_minimised),
        share_won(*pairs, is_minimised=is_minimised, confidence=confidence),
        null=1.0 if comparison.is_ratio else 0.0,
        is_ratio=comparison.is_ratio,
        adjective="gains more" if comparison.over else ADJECTIVES.get(comparison.metric, ("better",))[0],
        unit=str(sides[0].row["metric"]) if comparison.kind == "loss" else comparison.metric,
    )
    return Compared(
        card,
        runs_phrase(comparison, steps, found)
        + widths_phrase([(steps, found), *case.nearby])
        + "; new test pieces are not in the interval" * (comparison.metric == "loss" and crossed is None),
        found.what,
        tuning_phrase(sides),
        "in this search" if comparison.pairs == "trials" else scope_of(sides),
        groups,
        {seed: first - second for seed, first, second in zip(found.seeds, *pairs, strict=True)},
        crossed,
        "" if comparison.pairs == "trials" else edges_phrase(steps, case.data_set.tuned, case.data_set.records),
    )


def _crossed(case: _Case, confidence: float) -> CrossedDifference | None:
    """Return the difference over new repetitions and new test pieces, None where the records have no pieces."""
    if len(case.steps) > 1 or not case.measured.keys[0]:
        return None
    known = case.data_set.records
    left, right = ([known[key] for key in keys if key in known] for keys in case.measured.keys)
    return difference_over_pieces(left, right, confidence=confidence) if left and len(left) == len(right) else None


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


def _over_widths(found: Sequence[Interval]) -> Interval:
    """Return the first interval, made as wide as those at the widths nearby: where the sign turns, it holds 1."""
    if len(found) == 1:
        return found[0]
    kind = f"{found[0].kind}, over {quantity(len(found), 'width')}"
    low, high = min(each.low for each in found), max(each.high for each in found)
    return replace(found[0], low=low, high=high, kind=kind)


def _between_evaluations(found: Interval, resolution: tuple[float, float]) -> Interval:
    """Widen an interval of times by what may have passed since the evaluation before, on either side.

    A time is known to lie between two evaluations and no better, whatever the pairs agree on: the interval is that of
    the lower bounds of all differences and of the upper bounds together.
    """
    kind = f"{found.kind}{TO_AN_EVALUATION}"
    return replace(found, low=found.low - resolution[0], high=found.high + resolution[1], kind=kind)


def _times(found: Measured) -> tuple[Times, Times]:
    return Times(found.left, found.is_reached[0]), Times(found.right, found.is_reached[1])
