"""Several data sets: the intervals that decide are Holm's, and agreement needs no correction."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from bench.claims.judgement import LEVEL, judge_all, judge_each
from bench.stats.estimate import Question, paired_estimate
from bench.stats.paired import paired_p_value
from bench.stats.verdict import judge

LOWER = Question("lower")


def judged(differences, question, confidence):
    return judge(paired_estimate(differences, confidence=confidence), question)


def holm(p_values):
    """Return p-values adjusted step by step (Holm 1979, Scandinavian Journal of Statistics 6)."""
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(np.asarray(p_values)[order] * (len(p_values) - np.arange(len(p_values))))
    return dict(zip(order.tolist(), np.minimum(1.0, stepped), strict=True))


def data_sets(means, n=10, seed=0, spread=1.0):
    draw = np.random.default_rng(seed)
    return {i: list(draw.normal(mean, spread, n)) for i, mean in enumerate(means)}


@pytest.mark.parametrize("seed", range(30))
def test_the_verdicts_are_those_of_holms_p_values(seed):
    sets = data_sets([-1.0, -0.8, -0.5, 0.0, 0.9], seed=seed)
    verdicts = judge_each({i: partial(judged, values, LOWER) for i, values in sets.items()})
    adjusted = holm([paired_p_value(sets[i]) for i in range(len(sets))])
    assert {i: verdict.word != "inconclusive" for i, verdict in verdicts.items()} == {
        i: p < LEVEL for i, p in adjusted.items()
    }


def test_one_data_set_is_judged_at_95_percent():
    (verdict,) = judge_each({0: partial(judged, data_sets([-1.0])[0], LOWER)}).values()
    assert verdict == judged(data_sets([-1.0])[0], LOWER, 0.95)


def test_a_data_set_that_is_too_small_for_a_verdict_takes_nothing_from_the_others():
    sets = data_sets([-1.0]) | {1: [-1.0, -1.1, -0.9]}
    verdicts = judge_each({i: partial(judged, values, LOWER) for i, values in sets.items()})
    assert verdicts[0].estimate.confidence == 0.95
    assert verdicts[1].word == "inconclusive"


def test_without_data_sets_there_are_no_verdicts():
    assert judge_each({}) == {}


@pytest.mark.parametrize(
    ("means", "word"),
    [
        ([-2.0, -2.0], "supported"),
        ([-2.0, 0.0], "inconclusive"),
        ([-2.0, 2.0], "contradicted"),
        ([0.0, 0.0], "equivalent"),
        ([-2.0, -2.0, 0.0], "inconclusive"),
    ],
)
def test_a_claim_on_which_all_must_agree_has_one_word(means, word):
    question = Question("lower", (-0.5, 0.5))
    sets = data_sets(means, spread=0.3)
    assert judge_all({i: partial(judged, values, question) for i, values in sets.items()})[0] == word
