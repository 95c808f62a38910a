"""Verdicts over several data sets: Holm's step-down in terms of intervals, and claims on which all must agree."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from bench.claims.claim import OVER_DATA, WITH_AND_WITHOUT, Claim
from bench.claims.quantities import Measured
from bench.core.interval import ENOUGH, Interval
from bench.core.seeds import stream
from bench.stats.estimate import Estimate, Question, estimate, paired_estimate
from bench.stats.interaction import difference_of_differences, slope_over_fractions
from bench.stats.ratio import median_of_ratios, ratio_of_medians
from bench.stats.survival import Times, restricted_mean, restricted_mean_difference
from bench.stats.verdict import Verdict, judge

K = TypeVar("K")

LEVEL = 0.05
"""Chance of even one false finding over the data sets of a claim."""

JudgeAt = Callable[[float], Verdict]
"""Gives the verdict at a confidence."""


def judge_each(open_questions: Mapping[K, JudgeAt]) -> dict[K, Verdict]:
    """Return a verdict for each data set, with the family-wise error rate controlled at the level.

    All m are judged by intervals of confidence 1 - level / m; with those that are decided out of the way, the rest by
    intervals for as many as are left, until nothing more is decided. A verdict is thus always the one that the
    interval beside it gives. A data set with too few values for a verdict is no test and takes nothing from the others.

    Source: Holm 1979, Scandinavian Journal of Statistics 6: the first step rejects all p-values below level / m.
    """
    verdicts = {key: judge(1 - LEVEL) for key, judge in open_questions.items()}
    left = [key for key, verdict in verdicts.items() if verdict.estimate.wide.n >= ENOUGH]
    while left:
        at_level = {key: open_questions[key](1 - LEVEL / len(left)) for key in left}
        verdicts |= at_level
        undecided = [key for key, verdict in at_level.items() if verdict.word == "inconclusive"]
        if len(undecided) == len(left):
            break
        left = undecided
    return verdicts


def judge_all(open_questions: Mapping[K, JudgeAt]) -> tuple[str, dict[K, Verdict]]:
    """Return the one word for a claim on which all data sets must agree, and the verdict for each.

    All supported, each at the full level, is `supported`, and all alike is `equivalent`: such an agreement needs no
    correction (Berger 1982, Technometrics 24). One contradiction is enough to contradict, and there are many chances of
    one: those are judged as by `judge_each`.
    """
    plain = {key: judge(1 - LEVEL) for key, judge in open_questions.items()}
    words = {verdict.word for verdict in plain.values()}
    if words in ({"supported"}, {"equivalent"}):
        return words.pop(), plain
    corrected = judge_each(open_questions)
    is_against = any(verdict.word == "contradicted" for verdict in corrected.values())
    return "contradicted" if is_against else "inconclusive", corrected


WORDS = ("supported", "contradicted", "equivalent", "inconclusive", "not tested")
"""The words for a claim on a data set, and the order in which they are listed."""


UNTUNED = "none"
"""The tuning of sides that ran with given settings."""


@dataclass(frozen=True)
class Result:
    """A claim on one data set; `verdict` is None where it was not tested, and `why` then says why.

    `compared` says which runs, `sides` and `what` of what the effect is, `tuning` how many trials each side had;
    `groups` are those of the report's frames.
    """

    task: str
    task_label: str
    verdict: Verdict | None
    why: str = ""
    compared: str = ""
    sides: str = ""
    what: str = ""
    tuning: str = ""
    groups: tuple[str, ...] = ()

    @property
    def word(self) -> str:
        """One of WORDS."""
        return "not tested" if self.verdict is None else self.verdict.word


@dataclass(frozen=True)
class Finding:
    """A claim with its results; `why` says why there are none, `overall` is the one word where all must agree.

    `names` are what its cells are called in print.
    """

    claim: Claim
    results: tuple[Result, ...]
    why: str = ""
    overall: str = ""
    names: tuple[str, ...] = ()

    @property
    def tested(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.verdict is not None)

    @property
    def is_tested(self) -> bool:
        return bool(self.tested)

    @property
    def word(self) -> str:
        """The one word for the claim, or how many data sets have which: `supported on 2, inconclusive on 1`."""
        counts = Counter(result.word for result in self.tested)
        if not counts:
            return "not tested"
        if self.overall or len(counts) == 1:
            return self.overall or next(iter(counts))
        return ", ".join(f"{word} on {counts[word]}" for word in WORDS if counts[word])


COUNTED = "none: counted, not estimated"


RATIOS = {"ratio_of_paired_medians": ratio_of_medians, "median_of_paired_ratios": median_of_ratios}


def verdict_at(claim: Claim, found: Measured, label: str, confidence: float) -> Verdict:
    """Return the verdict on paired numbers; `label` names the stream of a bootstrap."""
    return judge(_estimate(claim, found, label, confidence), question_of(claim, found))


def question_of(claim: Claim, found: Measured) -> Question:
    """Return the question about the effect, with the margin in the effect's unit."""
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
    """Return the right side's mean level, which a relative margin is a fraction of."""
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
