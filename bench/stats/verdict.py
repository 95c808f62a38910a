"""The verdict on a claim: one of four words, from the two intervals of an estimate and what was fixed beforehand.

The intervals decide and nothing else does, so that a verdict and the interval shown beside it never disagree:

1. Fewer values than `enough`, or no interval: `inconclusive`.
2. The narrow interval lies within the margin: `equivalent`, or `supported` where the claim is that both are alike.
3. The wide interval lies wholly on the claimed side of the threshold (zero, or the edge of the margin where the
   claim is of an effect beyond it): `supported`; wholly on the other side: `contradicted`. A claim of likeness is
   `contradicted` by a wide interval wholly outside the margin.
4. Anything else: `inconclusive`.

Rule 2 goes before rule 3: a margin says beforehand which differences do not matter, and with seeds enough every
difference that is not exactly zero leaves zero out. Were a small difference `supported` for that, more seeds would
turn what does not matter into a finding. The reason then says that the difference was told from zero all the same.

A difference told from zero whose interval straddles the edge of the margin leaves a claim of likeness
`inconclusive`: there is a difference, but whether it is one that matters is open.

With no effect, a claim of direction is `supported` or `contradicted` in at most 5 % of all sets, and an effect at
the edge of the margin is called alike in at most 5 %, wherever the intervals cover as they say. Over simulated sets
of ten paired differences (`python -m tests.programs.calibration`): in 3 to 4 % and in 1 to 4 % where these are normal,
of a t with 3 degrees of freedom, or of two cells with the same lognormal noise; in 6 % and 8 % where the differences
are themselves as skewed as an exponential; in 9 % and 13 % where as a lognormal of sigma 1.
Source: the four outcomes of an interval against a margin, Lakens 2017, Social Psychological and Personality
Science 8; the order of rules 2 and 3 is this project's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from bench.core.interval import Interval
from bench.stats.estimate import Estimate, Question
from bench.stats.power import n_that_decides

Word = Literal["supported", "contradicted", "equivalent", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    """A word, why, and the estimate behind it; `n_to_decide` is None where no more values are known to decide."""

    word: Word
    reason: str
    estimate: Estimate
    n_to_decide: int | None = None


def judge(estimate: Estimate, question: Question) -> Verdict:
    """Return the verdict on a claim, with its reason in words and numbers."""
    word = decide(estimate, question)
    n = n_that_decides(estimate, question) if word == "inconclusive" else None
    return Verdict(word, reason_for(estimate, question, is_decided=word != "inconclusive", n=n), estimate, n)


def decide(estimate: Estimate, question: Question) -> Word:
    """Return the word for an estimate, by the rules at the top of this file."""
    wide, margin, threshold = estimate.wide, question.margin, question.threshold
    if wide.n < question.enough or not wide.low <= wide.high:  # nan compares with nothing
        return "inconclusive"
    if margin is not None and lies_within(estimate.narrow, margin):
        return "supported" if question.direction == "alike" else "equivalent"
    if question.direction == "alike":
        return "contradicted" if margin is not None and lies_outside(wide, margin) else "inconclusive"
    if wide.low <= threshold <= wide.high:
        return "inconclusive"
    return "supported" if (wide.high < threshold) == (question.direction == "lower") else "contradicted"


def lies_within(interval: Interval, margin: tuple[float, float]) -> bool:
    """Return whether every number of an interval counts as no effect."""
    return margin[0] < interval.low and interval.high < margin[1]


def lies_outside(interval: Interval, margin: tuple[float, float]) -> bool:
    """Return whether no number of an interval counts as no effect."""
    return interval.high < margin[0] or margin[1] < interval.low


def reason_for(estimate: Estimate, question: Question, *, is_decided: bool, n: int | None) -> str:
    """Return the reason for a verdict, and how many values would decide it."""
    wide = estimate.wide
    if wide.n < question.enough:
        return f"n = {wide.n}; at least {question.enough} are needed{'' if n == question.enough else _outlook(n)}"
    if not wide.low <= wide.high:
        return f"there is no interval ({wide.kind})"
    if is_decided:
        return _finding(estimate, question)
    return f"{_gap(estimate, question)}{_outlook(n) or '; how many would settle it is not known'}"


def _finding(estimate: Estimate, question: Question) -> str:
    wide, margin = estimate.wide, question.margin
    if margin is not None and margin[0] < estimate.narrow.low and estimate.narrow.high < margin[1]:
        apart = f", though the {_wide(estimate)} excludes {question.null:.4g}" if _tells_apart(wide, question) else ""
        return f"{_mean(wide)}: the {_narrow(estimate)} lies within the margin, {_edges(margin)}{apart}"
    if question.direction == "alike" and margin is not None:
        return f"{_mean(wide)}: the {_wide(estimate)} lies outside the margin, {_edges(margin)}"
    side = "below" if wide.high < question.threshold else "above"
    return f"{_mean(wide)}: the {_wide(estimate)} lies {side} {_threshold(question)}"


def _gap(estimate: Estimate, question: Question) -> str:
    wide, margin = estimate.wide, question.margin
    beyond = "" if margin is None else f"the {_narrow(estimate)} reaches beyond the margin, {_edges(margin)}"
    if question.direction != "alike":
        found = f"{_mean(wide)}: the {_wide(estimate)} contains {_threshold(question)}"
        return f"{found}, and {beyond}" if beyond else found
    if _tells_apart(wide, question):
        return f"{_mean(wide)}: there is a difference ({_wide(estimate)}); whether it matters is open: {beyond}"
    return f"{_mean(wide)}: {beyond}, and the {_wide(estimate)} contains {question.null:.4g}"


def _outlook(n: int | None) -> str:
    return "" if n is None else f"; about n = {n} would settle it"


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
