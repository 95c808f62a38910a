"""How many runs solve a task: Fisher's exact test and the exact interval of the odds ratio that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import stats

from bench.stats.intervals import Interval

ODDS_RATIO = "exact interval of the odds ratio, conditional"


@dataclass(frozen=True)
class SolveRates:
    """Both rates, the odds ratio of left over right (1 for equal rates), and the p-value of equal rates."""

    left: float
    right: float
    odds_ratio: Interval
    p_value: float


def solve_rates(left: tuple[int, int], right: tuple[int, int], *, confidence: float = 0.95) -> SolveRates:
    """Compare how many of how many runs solved a task; each side is (solved, runs).

    The p-value is twice the smaller tail, below 1 - confidence exactly when the interval leaves out 1; for equal
    numbers of runs it is the usual two-sided one of Fisher's test. It assumes independent runs; that seeds are
    paired is not made use of. Exact at any n, and the more conservative the smaller it is. The odds ratio is 0,
    infinite or nan where a side solved none or all.

    Raises ValueError for counts that are negative or exceed the runs.
    Source: Fisher 1935, Journal of the Royal Statistical Society 98; Fay 2010, Biostatistics 11 (the two tails).
    """
    for solved, runs in (left, right):
        if not 0 <= solved <= runs or runs < 1:
            raise ValueError(f"{solved} of {runs} runs cannot have solved a task")
    table = [[left[0], left[1] - left[0]], [right[0], right[1] - right[0]]]
    tails = [stats.fisher_exact(table, alternative=tail).pvalue for tail in ("less", "greater")]
    odds_ratio = stats.contingency.odds_ratio(table, kind="conditional")
    bounds = odds_ratio.confidence_interval(confidence)
    n = min(left[1], right[1])
    interval = Interval(float(odds_ratio.statistic), float(bounds.low), float(bounds.high), n, ODDS_RATIO)
    return SolveRates(left[0] / left[1], right[0] / right[1], interval, float(min(1.0, 2 * min(tails))))
