"""What is compared: one number for each repetition of a side, from the frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.claims.claim import THRESHOLDS, Comparison
from bench.claims.sides import NotTestedError, Side
from bench.core.metrics import METRICS
from bench.core.wording import plain, score_label


@dataclass(frozen=True)
class Measured:
    """The numbers of both sides over the seeds that both have.

    `levels` are the mean scores that a margin may be a share of, and `keys` the Runs of either side where all of them
    finished and were scored on test. Where a threshold was to be reached, `is_reached` says
    whether it was, and `resolution` how far apart the evaluations were between which each side reached it, on average.
    Over several steps, `differences` are left minus right of each seed at each, `fractions` the shares of the training
    split there, and `left` and `right` the numbers at the last.
    """

    seeds: tuple[int, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]
    what: str
    levels: tuple[float, float]
    n_diverged: int = 0
    keys: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    is_reached: tuple[tuple[bool, ...], tuple[bool, ...]] = ((), ())
    resolution: tuple[float, float] = (0.0, 0.0)
    horizon: float = math.nan
    differences: tuple[tuple[float, ...], ...] = ()
    fractions: tuple[float, ...] = ()


def measured(
    comparison: Comparison,
    sides: tuple[Side, Side],
    points: pd.DataFrame,
    reference: tuple[Side, Side] | None = None,
) -> Measured:
    """Return the numbers of both sides, paired by seed. Raises NotTestedError.

    A threshold is that of the `reference`, where it is not that of the sides themselves.

    A run that diverged stays in its pair: its loss counts as the worst that there is, of the finished runs of either
    side and the unigram model's, and it never reaches a threshold.
    """
    split = "test" if all(side.row["split"] == "test" for side in sides) else "validation"
    if comparison.metric in THRESHOLDS:
        return _times(comparison, sides, points, _threshold(comparison, reference or sides))
    left, right = _values(comparison, sides, split)
    pairs = pd.concat([left, right], axis=1, keys=["left", "right"], join="inner").dropna().sort_index()
    if pairs.empty:
        raise NotTestedError(_why_empty(comparison, left, right))
    seeds = list(pairs.index)
    scores = [side.done.set_index("seed")[split] for side in sides]
    return Measured(
        tuple(int(seed) for seed in seeds),
        tuple(pairs["left"].astype(float)),
        tuple(pairs["right"].astype(float)),
        _label(comparison, sides[0].row, split),
        _levels(comparison, pairs, scores),
        sum(int(_diverged(side)["seed"].isin(seeds).sum()) for side in sides if _counts_diverged(comparison)),
        _keys(sides, seeds) if comparison.metric == "loss" and split == "test" else ((), ()),
    )


def _keys(sides: tuple[Side, Side], seeds: Sequence[int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    left, right = (side.done.set_index("seed")["key"].reindex(list(seeds)).dropna() for side in sides)
    return (tuple(left), tuple(right)) if len(left) == len(right) == len(seeds) else ((), ())


def _levels(comparison: Comparison, pairs: pd.DataFrame, scores: Sequence[pd.Series]) -> tuple[float, float]:
    if comparison.metric == "overfit":
        return float(scores[0].mean()), float(scores[1].mean())
    return float(pairs["left"].mean()), float(pairs["right"].mean())


def measured_over_steps(comparison: Comparison, steps: Sequence[tuple[Side, Side]], points: pd.DataFrame) -> Measured:
    """Return the numbers of both sides at each step of an interaction. Raises NotTestedError."""
    found = [measured(comparison, sides, points) for sides in steps]
    if len({each.what for each in found}) > 1:
        raise NotTestedError("The runs that are compared were not all scored on the same split.")
    by_seed = [dict(zip(each.seeds, zip(each.left, each.right, strict=True), strict=True)) for each in found]
    seeds = tuple(seed for seed in found[0].seeds if all(seed in values for values in by_seed))
    if not seeds:
        raise NotTestedError(f"No seed was finished on both sides {_everywhere(comparison)}.")
    fractions = tuple(float(sides[0].row["train_fraction"]) for sides in steps)
    by_data = f"from {fractions[0]:g} to {fractions[-1]:g} of the training data"
    change = by_data if comparison.regulariser is None else f"by {comparison.regulariser}"
    return Measured(
        seeds,
        tuple(by_seed[-1][seed][0] for seed in seeds),
        tuple(by_seed[-1][seed][1] for seed in seeds),
        what=f"{found[0].what}, change {change}",
        levels=found[-1].levels,
        n_diverged=sum(each.n_diverged for each in found),
        differences=tuple(tuple(values[seed][0] - values[seed][1] for values in by_seed) for seed in seeds),
        fractions=fractions,
    )


def _everywhere(comparison: Comparison) -> str:
    if comparison.regulariser is None:
        return "at every share of the training split"
    return f"with {comparison.regulariser} and without it"


def _values(comparison: Comparison, sides: tuple[Side, Side], split: str) -> tuple[pd.Series, pd.Series]:
    first, second = (_of_finished(comparison, side.done.set_index("seed"), split) for side in sides)
    if not _counts_diverged(comparison):
        return first, second
    column = "train" if comparison.metric == "train_loss" else split
    is_maximised = sides[0].row["direction"] == "maximise"
    known = [first, second, *(side.runs[f"baseline_{column}"] for side in sides if f"baseline_{column}" in side.runs)]
    worst = pd.concat(known).min() if is_maximised else pd.concat(known).max()
    lost = [pd.Series(worst, index=_diverged(side)["seed"], dtype=float) for side in sides]
    return pd.concat([first, lost[0]]), pd.concat([second, lost[1]])


def _counts_diverged(comparison: Comparison) -> bool:
    return comparison.metric in ("loss", "train_loss")


def _diverged(side: Side) -> pd.DataFrame:
    return side.runs[side.runs["status"] == "diverged"]


def _of_finished(comparison: Comparison, of_seed: pd.DataFrame, split: str) -> pd.Series:
    if comparison.metric == "train_loss":
        return of_seed["train"]
    if comparison.metric == "overfit":
        return of_seed[split] - of_seed["train"]
    if comparison.metric == "seconds_per_update":
        timed = of_seed[(of_seed["n_updates"] > 0) & (of_seed["train_seconds"] > 0)]
        return timed["train_seconds"] / timed["n_updates"]
    if comparison.metric == "units_per_second":
        return of_seed["units_per_second"][of_seed["units_per_second"] > 0]
    return of_seed[split]


def _label(comparison: Comparison, row: pd.Series, split: str) -> str:
    metric = str(row["metric"])
    return {
        "train_loss": score_label(metric, "train"),
        "overfit": f"{score_label(metric, split)} minus that on train",
        "seconds_per_update": "seconds per update",
        "units_per_second": f"{plain(str(row['unit']), 20) or 'unit'}s per second",
    }.get(comparison.metric, score_label(metric, split))


def _why_empty(comparison: Comparison, left: pd.Series, right: pd.Series) -> str:
    if comparison.metric in ("train_loss", "overfit") and (left.dropna().empty or right.dropna().empty):
        return "The training split was not scored (train.score_train)."
    return "No seed was finished on both sides."


def _times(comparison: Comparison, sides: tuple[Side, Side], points: pd.DataFrame, threshold: float) -> Measured:
    """Return the time at which each run reached the threshold; the longest run's time if it never did.

    A pair of trials of which neither did says nothing of the two, but that their settings are bad, and is left out.
    """
    clock = "update" if comparison.metric == "updates_to_threshold" else "seconds"
    keys = [pd.concat([side.done, _diverged(side)]).set_index("seed")["key"] for side in sides]
    seeds = tuple(sorted(int(seed) for seed in set(keys[0].index) & set(keys[1].index)))
    courses = dict(list(points[points["key"].isin([*keys[0], *keys[1]])].groupby("key")))
    ran = [[courses.get(of_seed[seed]) for seed in seeds] for of_seed in keys]
    if not seeds or any(course is None for side in ran for course in side):
        raise NotTestedError("No seed was finished, with its learning curve, on both sides.")
    horizon = max(float(course[clock].max()) for side in ran for course in side if course is not None)
    if not horizon > 0:
        raise NotTestedError("The learning curves carry no times.")
    is_minimised = sides[0].row["direction"] != "maximise"
    reached = [[_first(course, threshold, clock, is_minimised) for course in side] for side in ran]
    if not any(time is not None for side in reached for time in side):
        raise NotTestedError(f"No run of either side reached a validation score of {threshold:.4g}.")
    if comparison.pairs == "trials":
        kept = [i for i, times in enumerate(zip(*reached, strict=True)) if any(time is not None for time in times)]
        seeds = tuple(seeds[i] for i in kept)
        ran, reached = [[side[i] for i in kept] for side in ran], [[side[i] for i in kept] for side in reached]
    if _at_once(ran, reached, clock):
        raise NotTestedError(
            f"Every run was at a validation score of {threshold:.4g} by its first evaluation (train.evaluate_every)."
        )
    left, right = (tuple(horizon if time is None else time for time in side) for side in reached)
    return Measured(
        seeds,
        left,
        right,
        what=f"{'updates' if clock == 'update' else 'seconds'} to a validation score of {threshold:.4g}",
        levels=(sum(left) / len(left), sum(right) / len(right)),
        is_reached=(_is_reached(reached[0]), _is_reached(reached[1])),
        resolution=(_resolution(ran[0], reached[0], clock), _resolution(ran[1], reached[1], clock)),
        horizon=horizon,
    )


def _resolution(ran: Sequence[pd.DataFrame | None], reached: Sequence[float | None], clock: str) -> float:
    """Return how long before the evaluation that saw the threshold reached the one before it was, on average."""
    waits = [0.0]
    for course, time in zip(ran, reached, strict=True):
        if course is not None and time is not None:
            before = course[clock][course[clock] < time]
            waits.append(time - (float(before.max()) if len(before) else 0.0))
    return sum(waits) / max(1, len(waits) - 1)


def _first(course: pd.DataFrame | None, threshold: float, clock: str, is_minimised: bool) -> float | None:
    if course is None:
        return None
    there = course["validation"] <= threshold if is_minimised else course["validation"] >= threshold
    return float(course[clock][there].min()) if there.any() else None


def _at_once(
    ran: Sequence[Sequence[pd.DataFrame | None]], reached: Sequence[Sequence[float | None]], clock: str
) -> bool:
    """Return whether every run passed the threshold by its first evaluation, so that their times cannot be compared."""
    pairs = [pair for side in zip(ran, reached, strict=True) for pair in zip(*side, strict=True)]
    return all(course is not None and time == course[clock].min() for course, time in pairs)


def _is_reached(times: Sequence[float | None]) -> tuple[bool, ...]:
    return tuple(time is not None for time in times)


def _threshold(comparison: Comparison, sides: tuple[Side, Side]) -> float:
    """Return the score at that fraction of the distance, in nats, from the unigram model's to the worse side's mean."""
    baselines = pd.concat([side.done["baseline_validation"] for side in sides]).dropna()
    if baselines.empty or comparison.threshold is None:
        raise NotTestedError("The unigram model's score on validation, which sets the threshold, is not known.")
    baseline, metric = float(baselines.iloc[0]), str(sides[0].row["metric"])
    if metric not in METRICS:
        raise NotTestedError("The threshold is a share of nats, and this task's score is none.")
    worse = max(float(side.done["validation"].mean()) for side in sides)
    if not worse < baseline:
        raise NotTestedError("One side is no better than the unigram model, so there is no way to go a share of.")
    if metric == "perplexity":
        return float(baseline ** (1 - comparison.threshold) * worse**comparison.threshold)
    return baseline + comparison.threshold * (worse - baseline)
