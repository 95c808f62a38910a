"""What a claim compares: one number for each seed of a side, from the frames."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from bench.claims.claim import THRESHOLDS, Claim
from bench.claims.sides import NotTestedError, Side
from bench.core.metrics import METRICS
from bench.core.wording import plain, score_label


@dataclass(frozen=True)
class Measured:
    """The numbers of both sides over the seeds that both have; `is_reached` where a threshold was to be reached.

    Over several steps, `differences` are left minus right of each seed at each, `fractions` the shares of the training
    split there, and `left` and `right` the numbers at the last.
    """

    seeds: tuple[int, ...]
    left: tuple[float, ...]
    right: tuple[float, ...]
    what: str
    is_reached: tuple[tuple[bool, ...], tuple[bool, ...]] = ((), ())
    horizon: float = math.nan
    differences: tuple[tuple[float, ...], ...] = ()
    fractions: tuple[float, ...] = ()


def measured(claim: Claim, sides: tuple[Side, Side], points: pd.DataFrame) -> Measured:
    """Return the numbers of both sides, paired by seed. Raises NotTestedError."""
    first = sides[0].row
    split = "test" if all(side.row["split"] == "test" for side in sides) else "validation"
    if claim.metric in THRESHOLDS:
        return _times(claim, sides, points)
    left, right = (_values(claim, side.done, split) for side in sides)
    pairs = pd.concat([left, right], axis=1, keys=["left", "right"], join="inner").dropna().sort_index()
    if pairs.empty:
        raise NotTestedError(_why_empty(claim, left, right))
    return Measured(
        tuple(int(seed) for seed in pairs.index),
        tuple(pairs["left"].astype(float)),
        tuple(pairs["right"].astype(float)),
        _label(claim, first, split),
    )


def measured_over_steps(claim: Claim, steps: Sequence[tuple[Side, Side]], points: pd.DataFrame) -> Measured:
    """Return the numbers of both sides at each step of an interaction. Raises NotTestedError."""
    found = [measured(claim, sides, points) for sides in steps]
    if len({each.what for each in found}) > 1:
        raise NotTestedError("The runs that are compared were not all scored on the same split.")
    by_seed = [dict(zip(each.seeds, zip(each.left, each.right, strict=True), strict=True)) for each in found]
    seeds = tuple(seed for seed in found[0].seeds if all(seed in values for values in by_seed))
    if not seeds:
        raise NotTestedError(f"No seed was finished on both sides {_everywhere(claim)}.")
    per_step = "per doubling of the training data" if claim.regulariser is None else f"by {claim.regulariser}"
    return Measured(
        seeds,
        tuple(by_seed[-1][seed][0] for seed in seeds),
        tuple(by_seed[-1][seed][1] for seed in seeds),
        what=f"{found[0].what}, {per_step}",
        differences=tuple(tuple(values[seed][0] - values[seed][1] for values in by_seed) for seed in seeds),
        fractions=tuple(float(sides[0].row["train_fraction"]) for sides in steps),
    )


def _everywhere(claim: Claim) -> str:
    if claim.regulariser is None:
        return "at every share of the training split"
    return f"with {claim.regulariser} and without it"


def _values(claim: Claim, runs: pd.DataFrame, split: str) -> pd.Series:
    of_seed = runs.set_index("seed")
    if claim.metric == "train_loss":
        return of_seed["train"]
    if claim.metric == "overfit":
        return of_seed[split] - of_seed["train"]
    if claim.metric == "seconds_per_update":
        timed = of_seed[(of_seed["n_updates"] > 0) & (of_seed["train_seconds"] > 0)]
        return timed["train_seconds"] / timed["n_updates"]
    if claim.metric == "units_per_second":
        return of_seed["units_per_second"][of_seed["units_per_second"] > 0]
    return of_seed[split]


def _label(claim: Claim, row: pd.Series, split: str) -> str:
    metric = str(row["metric"])
    return {
        "train_loss": score_label(metric, "train"),
        "overfit": f"{score_label(metric, split)} minus that on train",
        "seconds_per_update": "seconds per update",
        "units_per_second": f"{plain(str(row['unit']), 20) or 'unit'}s per second",
    }.get(claim.metric, score_label(metric, split))


def _why_empty(claim: Claim, left: pd.Series, right: pd.Series) -> str:
    if claim.metric in ("train_loss", "overfit") and (left.dropna().empty or right.dropna().empty):
        return "The training split was not scored (train.score_train)."
    return "No seed was finished on both sides."


def _times(claim: Claim, sides: tuple[Side, Side], points: pd.DataFrame) -> Measured:
    """Return the time at which each run reached the threshold; the longest run's time if it never did."""
    threshold = _threshold(claim, sides)
    clock = "update" if claim.metric == "updates_to_threshold" else "seconds"
    keys = [side.done.set_index("seed")["key"] for side in sides]
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
        is_reached=(_is_reached(reached[0]), _is_reached(reached[1])),
        horizon=horizon,
    )


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


def _threshold(claim: Claim, sides: tuple[Side, Side]) -> float:
    """Return the score at that fraction of the distance, in nats, from the unigram model's to the worse side's mean."""
    baselines = pd.concat([side.done["baseline_validation"] for side in sides]).dropna()
    if baselines.empty or claim.threshold is None:
        raise NotTestedError("The unigram model's score on validation, which sets the threshold, is not known.")
    baseline, metric = float(baselines.iloc[0]), str(sides[0].row["metric"])
    if metric not in METRICS:
        raise NotTestedError("The threshold is a share of nats, and this task's score is none.")
    worse = max(float(side.done["validation"].mean()) for side in sides)
    if not worse < baseline:
        raise NotTestedError("One side is no better than the unigram model, so there is no way to go a share of.")
    if metric == "perplexity":
        return float(baseline ** (1 - claim.threshold) * worse**claim.threshold)
    return baseline + claim.threshold * (worse - baseline)
