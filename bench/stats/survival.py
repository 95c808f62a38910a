"""Time to a threshold where some runs never reach it: means up to a horizon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bench.core.interval import Interval
from bench.stats.paired import paired_interval

if TYPE_CHECKING:
    from scipy import stats


@dataclass(frozen=True)
class Times:
    """How long each run was watched, and whether it reached the threshold at the end of that time.

    Raises ValueError for lists of unequal length or none, and for times that are not positive and finite.
    """

    durations: tuple[float, ...]
    is_reached: tuple[bool, ...]

    def __post_init__(self) -> None:
        if len(self.durations) != len(self.is_reached) or not self.durations:
            raise ValueError(f"{len(self.durations)} durations and {len(self.is_reached)} endings")
        if not all(math.isfinite(duration) and duration > 0 for duration in self.durations):
            raise ValueError("durations are positive and finite; a run that never ends has the time it was watched")


def restricted_mean(times: Times, horizon: float) -> float:
    """Return the mean of the time to the threshold or to the horizon, whichever is first.

    The area under the Kaplan-Meier curve. It assumes that why a run was no longer watched has nothing to do with
    when it would have reached the threshold.

    Raises ValueError where every run was lost from sight before the horizon and the last one unreached.
    Source: Kaplan and Meier 1958, Journal of the American Statistical Association 53; Irwin 1949, Journal of
    Hygiene 47.
    """
    last = max(times.durations)
    if last < horizon and not all(np.asarray(times.is_reached)[np.asarray(times.durations) == last]):
        raise ValueError(f"no run was watched until {horizon:g}; the longest was until {last:g}")
    return _area(np.asarray(times.durations), np.asarray(times.is_reached), horizon)


def restricted_mean_difference(left: Times, right: Times, horizon: float, *, confidence: float = 0.95) -> Interval:
    """Return the restricted mean of left minus that of right, of runs paired by seed, with its interval.

    Each run gives a pseudo-value, which is the lesser of its time and the horizon where no run was lost before
    the horizon; the pseudo-values are treated as paired scores are. Assumptions: those of `restricted_mean` and
    of `paired_interval`.

    Raises ValueError for unequal numbers of runs, and as `restricted_mean` does.
    Source: Andersen, Hansen and Klein 2004, Lifetime Data Analysis 10.
    """
    if len(left.durations) != len(right.durations):
        raise ValueError(f"{len(left.durations)} runs on the left and {len(right.durations)} on the right")
    differences = pseudo_values(left, horizon) - pseudo_values(right, horizon)
    return paired_interval(list(differences), confidence=confidence)


def pseudo_values(times: Times, horizon: float) -> np.ndarray:
    """Return the pseudo-value of each run: n times the restricted mean, less n - 1 times that without the run."""
    whole, n = restricted_mean(times, horizon), len(times.durations)
    if n == 1:
        return np.array([whole])
    durations, is_reached = np.asarray(times.durations), np.asarray(times.is_reached)
    rest = [_area(np.delete(durations, i), np.delete(is_reached, i), horizon) for i in range(n)]
    return np.asarray(n * whole - (n - 1) * np.array(rest))


def _area(durations: np.ndarray, is_reached: np.ndarray, horizon: float) -> float:
    """Return the area under the curve up to the horizon; past the last time it stays as high as it was."""
    from scipy import stats

    survival = stats.ecdf(_censored_data(durations, is_reached)).sf
    inner = survival.quantiles < horizon
    edges = np.concatenate([[0.0], survival.quantiles[inner], [horizon]])
    heights = np.concatenate([[1.0], survival.probabilities[inner]])
    return float(heights @ np.diff(edges))


def _censored_data(
    durations: Sequence[float] | np.ndarray, is_reached: Sequence[bool] | np.ndarray
) -> stats.CensoredData:
    from scipy import stats

    return stats.CensoredData.right_censored(np.asarray(durations), ~np.asarray(is_reached))
