"""The reason for a verdict, in words and numbers."""

from __future__ import annotations

import math

from bench.stats.estimate import Estimate
from bench.stats.intervals import Interval
from bench.stats.question import Question


def reason_for(estimate: Estimate, question: Question, *, is_decided: bool, n: int | None) -> str:
    """Return what the intervals of an estimate say about a question, and how many values would decide it."""
    wide = estimate.wide
    if wide.n < question.enough:
        return f"n = {wide.n}, and a verdict takes at least {question.enough}{_outlook(n)}"
    if not wide.low <= wide.high:
        return f"there is no interval ({wide.kind})"
    if is_decided:
        return _finding(estimate, question)
    return f"{_gap(estimate, question)}{_outlook(n) or '; no number of values is known that would decide'}"


def _finding(estimate: Estimate, question: Question) -> str:
    wide, margin = estimate.wide, question.margin
    if margin is not None and margin[0] < estimate.narrow.low and estimate.narrow.high < margin[1]:
        apart = f", though the {_wide(estimate)} leaves out {question.null:.4g}" if _tells_apart(wide, question) else ""
        return f"{_mean(wide)}: the {_narrow(estimate)} lies within the margin from {_edges(margin)}{apart}"
    if question.direction == "alike" and margin is not None:
        return f"{_mean(wide)}: the {_wide(estimate)} lies outside the margin from {_edges(margin)}"
    side = "below" if wide.high < question.threshold else "above"
    return f"{_mean(wide)}: the {_wide(estimate)} lies {side} {_threshold(question)}"


def _gap(estimate: Estimate, question: Question) -> str:
    wide, margin = estimate.wide, question.margin
    beyond = "" if margin is None else f"the {_narrow(estimate)} reaches beyond the margin from {_edges(margin)}"
    if question.direction == "alike":
        apart = f", while the {_wide(estimate)} leaves out {question.null:.4g}" if _tells_apart(wide, question) else ""
        return f"{_mean(wide)}: {beyond}{apart}, and is not wholly outside"
    held = f"{_mean(wide)}: the {_wide(estimate)} holds {_threshold(question)}"
    return f"{held}, and {beyond}" if beyond else held


def _outlook(n: int | None) -> str:
    return "" if n is None else f"; about n = {n} would decide"


def _tells_apart(wide: Interval, question: Question) -> bool:
    return not wide.low <= question.null <= wide.high


def _threshold(question: Question) -> str:
    return f"{question.threshold:.4g}" + (", the edge of the margin" if question.is_beyond else "")


def _mean(wide: Interval) -> str:
    return f"{'undefined' if math.isnan(wide.mean) else f'{wide.mean:.4g}'} over n = {wide.n}"


def _wide(estimate: Estimate) -> str:
    return f"{100 * estimate.confidence:.4g} % interval [{estimate.wide.low:.4g}, {estimate.wide.high:.4g}]"


def _narrow(estimate: Estimate) -> str:
    return f"{100 * estimate.narrow_confidence:.4g} % interval [{estimate.narrow.low:.4g}, {estimate.narrow.high:.4g}]"


def _edges(margin: tuple[float, float]) -> str:
    return f"{margin[0]:.4g} to {margin[1]:.4g}"
