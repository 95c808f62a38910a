"""Verdicts over several data sets: Holm's step-down in terms of intervals, and claims on which all must agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from bench.stats.intervals import ENOUGH
from bench.stats.verdict import Verdict

K = TypeVar("K")

LEVEL = 0.05
"""Chance of even one false finding over the data sets of a claim."""

JudgeAt = Callable[[float], Verdict]
"""Gives the verdict at a confidence."""


def judge_each(open_questions: Mapping[K, JudgeAt]) -> dict[K, Verdict]:
    """Return a verdict for each data set such that the chance of even one false one stays at the level.

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
