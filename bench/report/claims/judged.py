"""From measured numbers to a verdict: the estimator, the question with its margin, and the intervals."""

from __future__ import annotations

import dataclasses

import numpy as np

from bench.claims.claim import OVER_DATA, WITH_AND_WITHOUT, Claim
from bench.report.claims.quantities import Measured
from bench.seeds import stream
from bench.stats.estimate import Estimate, estimate, paired_estimate
from bench.stats.interaction import difference_of_differences, slope_over_fractions
from bench.stats.intervals import Interval
from bench.stats.question import Question
from bench.stats.ratio import median_of_ratios, ratio_of_medians
from bench.stats.survival import Times, restricted_mean, restricted_mean_difference
from bench.stats.verdict import Verdict, judge

COUNTED = "none: counted, not estimated"

RATIOS = {"ratio_of_paired_medians": ratio_of_medians, "median_of_paired_ratios": median_of_ratios}


def verdict_at(claim: Claim, found: Measured, label: str, confidence: float) -> Verdict:
    """Return the verdict on paired numbers; `label` names the stream of a bootstrap."""
    return judge(_estimate(claim, found, label, confidence), question_of(claim, found))


def question_of(claim: Claim, found: Measured) -> Question:
    """Return what is asked of the effect, the margin in its unit."""
    if claim.is_ratio:
        return Question(claim.direction, _around(claim.expected, claim.relative_margin), claim.expected)
    reach = claim.margin
    if claim.relative_margin is not None:
        reach = claim.relative_margin * abs(_level(claim, found))
    return Question(claim.direction, None if reach is None else (-reach, reach))


def counted(claim: Claim, ratios: list[float]) -> Verdict:
    """Return the verdict on ratios of counts, one for each size: exact numbers, which need no interval."""
    exact = Interval(float(np.mean(ratios)), min(ratios), max(ratios), len(ratios), COUNTED)
    question = Question(claim.direction, _around(claim.expected, claim.relative_margin), claim.expected, enough=1)
    verdict = judge(Estimate(exact, exact), question)
    span = f"{exact.low:.4g}" if exact.low == exact.high else f"{exact.low:.4g} to {exact.high:.4g}"
    where = "the one size" if len(ratios) == 1 else f"each of {len(ratios)} sizes"
    reason = f"counted, not estimated: {span} at {where} that both have, where the claim says {claim.expected:g}"
    return dataclasses.replace(verdict, reason=reason, n_to_decide=None)


def _around(expected: float, share: float | None) -> tuple[float, float] | None:
    return None if share is None else (expected / (1 + share), expected * (1 + share))


def _level(claim: Claim, found: Measured) -> float:
    """Return the right side's own level, of which a relative margin is a share."""
    if claim.estimator == "restricted_mean_difference":
        return restricted_mean(_times(found)[1], found.horizon)
    return float(np.mean(found.right))


def _estimate(claim: Claim, found: Measured, label: str, confidence: float) -> Estimate:
    if ratio := RATIOS.get(claim.estimator):
        seed = stream("bootstrap", label=label)
        return estimate(
            lambda level: ratio(found.left, found.right, seed=seed, confidence=level), confidence=confidence
        )
    if claim.estimator == OVER_DATA:
        courses = np.asarray(found.differences)
        return estimate(
            lambda level: slope_over_fractions(courses, found.fractions, confidence=level), confidence=confidence
        )
    if claim.estimator == WITH_AND_WITHOUT:
        pairs = np.asarray(found.differences)
        return estimate(lambda level: difference_of_differences(pairs, confidence=level), confidence=confidence)
    if claim.estimator == "restricted_mean_difference":
        left, right = _times(found)
        return estimate(
            lambda level: restricted_mean_difference(left, right, found.horizon, confidence=level),
            confidence=confidence,
        )
    differences = [first - second for first, second in zip(found.left, found.right, strict=True)]
    return paired_estimate(differences, confidence=confidence)


def _times(found: Measured) -> tuple[Times, Times]:
    return Times(found.left, found.is_reached[0]), Times(found.right, found.is_reached[1])
