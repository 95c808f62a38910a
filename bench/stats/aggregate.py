"""Scores of many tasks in one number: the interquartile mean and the probability of improvement."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from bench.stats.intervals import Interval, tail_of_t

AGGREGATE = "stratified expanded percentile bootstrap"

N_AGGREGATE_RESAMPLES = 5000

Scores = Sequence[Sequence[float]]
"""One list of scores per task, each over seeds."""


def iqm(scores: Scores) -> float:
    """Return the mean of the middle half of all scores, put on one scale beforehand.

    Source: Agarwal et al. 2021, arXiv 2108.13264.
    """
    return float(stats.trim_mean(np.concatenate([np.asarray(task, dtype=float) for task in scores]), 0.25))


def iqm_interval(scores: Scores, *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the interquartile mean with its interval; n is the fewest seeds of a task.

    Runs are drawn again within each task, never across. It assumes independent runs and says nothing about tasks
    that are not among these. Deviation: the tails are moved out as for `mean_interval`.

    Raises ValueError for no tasks, fewer than two seeds in one, and scores that are not finite.
    Source: Agarwal et al. 2021, arXiv 2108.13264.
    """
    tasks = _checked(scores)
    return _interval([tasks], _iqm, seed=seed, confidence=confidence)


def iqm_difference(left: Scores, right: Scores, *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the interquartile mean of left minus that of right, of runs paired by seed within each task.

    Both of a seed are drawn together. Assumptions and errors: those of `iqm_interval`.
    """
    sides = _paired(left, right)
    return _interval(sides, lambda left, right: _iqm(left) - _iqm(right), seed=seed, confidence=confidence)


def probability_of_improvement(left: Scores, right: Scores, *, seed: int, confidence: float = 0.95) -> Interval:
    """Return the chance that a run of left scores above a run of right on a task, the mean over tasks.

    Ties count half. Every run of left meets every run of right of the same task, whatever its seed; seeds are
    drawn together, as they are paired. Scores need no common scale. 0.5 is no improvement. Where all of left lie
    above all of right the interval has no width, which no bootstrap mends.

    Errors: those of `iqm_interval`.
    Source: Agarwal et al. 2021, arXiv 2108.13264.
    """
    return _interval(_paired(left, right), _improvement, seed=seed, confidence=confidence)


def _interval(
    sides: Sequence[Sequence[np.ndarray]],
    statistic: Callable[..., np.ndarray],
    *,
    seed: int,
    confidence: float,
) -> Interval:
    """Return a statistic of one or two sides with its interval; each side holds one row of scores per task."""
    draw = np.random.default_rng(seed)
    sizes = [len(task) for task in sides[0]]
    places = [draw.integers(0, size, size=(N_AGGREGATE_RESAMPLES, size)) for size in sizes]
    drawn = [[task[place] for task, place in zip(side, places, strict=True)] for side in sides]
    value = float(statistic(*([task[None] for task in side] for side in sides))[0])
    tail = tail_of_t(confidence, min(sizes), degrees=sum(sizes) - len(sizes))
    low, high = np.quantile(statistic(*drawn), [tail, 1 - tail])
    return Interval(value, float(low), float(high), min(sizes), AGGREGATE)


def _iqm(tasks: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(stats.trim_mean(np.concatenate(tasks, axis=-1), 0.25, axis=-1))


def _improvement(left: Sequence[np.ndarray], right: Sequence[np.ndarray]) -> np.ndarray:
    shares = [
        (np.sign(first[:, :, None] - second[:, None, :]).mean(axis=(1, 2)) + 1) / 2
        for first, second in zip(left, right, strict=True)
    ]
    return np.asarray(np.mean(shares, axis=0))


def _checked(scores: Scores) -> list[np.ndarray]:
    tasks = [np.asarray(task, dtype=float) for task in scores]
    if not tasks or min(len(task) for task in tasks) < 2:
        raise ValueError("scores are taken over one task or more, and two seeds or more in each")
    if not all(np.isfinite(task).all() for task in tasks):
        raise ValueError("scores that are not finite have no interval")
    return tasks


def _paired(left: Scores, right: Scores) -> list[list[np.ndarray]]:
    if [len(task) for task in left] != [len(task) for task in right]:
        raise ValueError("left and right have to hold the same seeds of the same tasks")
    return [_checked(left), _checked(right)]
