"""A verdict is what the intervals say: four words, by rules in a fixed order, each with its reason."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bench.core.interval import Interval
from bench.stats.estimate import Estimate, Question, estimate, paired_estimate
from bench.stats.paired import paired_p_value
from bench.stats.ratio import median_of_ratios
from bench.stats.verdict import decide, judge

MARGIN = (-0.1, 0.1)


def between(low: float, high: float, n: int = 10) -> Estimate:
    """Return an estimate whose narrow interval is nine tenths as wide as the given one."""
    mean, half = (low + high) / 2, (high - low) / 2
    return Estimate(Interval(mean, low, high, n, "t"), Interval(mean, mean - 0.9 * half, mean + 0.9 * half, n, "t"))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.3, -0.1, "supported"),
        (0.1, 0.3, "contradicted"),
        (-0.3, 0.1, "inconclusive"),
        (-0.3, 0.0, "inconclusive"),
        (0.0, 0.3, "inconclusive"),
        (-0.001, 0.001, "inconclusive"),
    ],
)
def test_a_direction_without_a_margin_is_decided_by_zero(low, high, word):
    assert decide(between(low, high), Question("lower")) == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.3, -0.12, "supported"),
        (-0.3, -0.01, "supported"),
        (-0.09, -0.01, "equivalent"),
        (-0.05, 0.05, "equivalent"),
        (0.01, 0.09, "equivalent"),
        (-0.102, 0.05, "equivalent"),
        (0.01, 0.3, "contradicted"),
        (-0.3, 0.05, "inconclusive"),
        (-0.3, 0.3, "inconclusive"),
    ],
)
def test_within_a_margin_a_difference_is_equivalent_even_where_zero_is_left_out(low, high, word):
    assert decide(between(low, high), Question("lower", margin=MARGIN)) == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.3, -0.12, "supported"),
        (-0.3, -0.01, "inconclusive"),
        (-0.05, 0.05, "equivalent"),
        (-0.05, 0.3, "contradicted"),
        (0.2, 0.3, "contradicted"),
    ],
)
def test_a_claim_of_an_effect_beyond_the_margin_has_the_edge_for_its_threshold(low, high, word):
    assert decide(between(low, high), Question("lower", margin=MARGIN, is_beyond=True)) == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.05, 0.05, "supported"),
        (0.01, 0.09, "supported"),
        (0.12, 0.3, "contradicted"),
        (-0.3, -0.12, "contradicted"),
        (0.05, 0.3, "inconclusive"),
        (-0.3, 0.3, "inconclusive"),
        (0.1, 0.3, "inconclusive"),
    ],
)
def test_likeness_is_decided_by_the_margin_and_not_by_zero(low, high, word):
    assert decide(between(low, high), Question("alike", margin=MARGIN)) == word


def test_higher_mirrors_lower():
    draw = np.random.default_rng(1)
    for low, high in np.sort(draw.uniform(-0.3, 0.3, size=(500, 2)), axis=1).tolist():
        for is_beyond in (False, True):
            questions = [Question(side, margin=MARGIN, is_beyond=is_beyond) for side in ("lower", "higher")]
            assert decide(between(low, high), questions[0]) == decide(between(-high, -low), questions[1])


@pytest.mark.parametrize("n", [0, 1, 2, 5])
def test_below_six_values_nothing_is_decided(n):
    found = judge(paired_estimate([-1.0 - 0.01 * i for i in range(n)]), Question("lower"))
    assert found.word == "inconclusive"
    assert found.reason.startswith(f"n = {n}; at least 6 are needed")
    assert found.n_to_decide == (6 if n >= 2 else None)
    assert judge(paired_estimate([-1.0 - 0.01 * i for i in range(6)]), Question("lower")).word == "supported"


def test_fewer_or_more_values_may_be_called_enough():
    values = [-1.0 - 0.01 * i for i in range(8)]
    assert judge(paired_estimate(values), Question("lower", enough=9)).word == "inconclusive"
    assert judge(paired_estimate(values), Question("lower", enough=8)).word == "supported"


@pytest.mark.parametrize(
    ("shown", "question", "reason"),
    [
        (between(-0.3, -0.1), Question("lower"), "-0.2 over n = 10: the 95 % interval [-0.3, -0.1] lies below 0"),
        (between(0.1, 0.3), Question("lower"), "0.2 over n = 10: the 95 % interval [0.1, 0.3] lies above 0"),
        (
            between(-0.4, -0.2),
            Question("lower", margin=MARGIN, is_beyond=True),
            "-0.3 over n = 10: the 95 % interval [-0.4, -0.2] lies below -0.1, the edge of the margin",
        ),
        (
            between(0.02, 0.08),
            Question("alike", margin=MARGIN),
            "0.05 over n = 10: the 90 % interval [0.023, 0.077] lies within the margin, -0.1 to 0.1, "
            "though the 95 % interval [0.02, 0.08] excludes 0",
        ),
        (
            between(0.2, 0.4),
            Question("alike", margin=MARGIN),
            "0.3 over n = 10: the 95 % interval [0.2, 0.4] lies outside the margin, -0.1 to 0.1",
        ),
    ],
)
def test_a_decision_has_its_reason(shown, question, reason):
    found = judge(shown, question)
    assert found.reason == reason
    assert found.n_to_decide is None


@pytest.mark.parametrize(
    ("shown", "question", "reason"),
    [
        (
            between(-0.3, 0.1),
            Question("lower"),
            "-0.1 over n = 10: the 95 % interval [-0.3, 0.1] contains 0; about n = 64 would settle it",
        ),
        (
            between(-0.2, 0.2),
            Question("lower"),
            "0 over n = 10: the 95 % interval [-0.2, 0.2] contains 0; how many would settle it is not known",
        ),
        (
            between(0.02, 0.22),
            Question("alike", margin=MARGIN),
            "0.12 over n = 10: there is a difference (95 % interval [0.02, 0.22]); whether it matters is open: the "
            "90 % interval [0.03, 0.21] reaches beyond the margin, -0.1 to 0.1; about n = 386 would settle it",
        ),
    ],
)
def test_an_open_question_says_what_is_in_the_way_and_how_many_would_decide(shown, question, reason):
    assert judge(shown, question).reason == reason


def test_with_a_margin_whatever_is_decided_first_counts():
    # an effect in the middle of the margin is never told from zero, and is soon told to be within
    centred = between(-0.15, 0.15)
    assert judge(centred, Question("lower")).n_to_decide is None
    assert judge(centred, Question("lower", margin=MARGIN)).n_to_decide == 48


def test_the_n_that_decides_is_always_one_more_at_least():
    draw, n_open = np.random.default_rng(3), 0
    questions = [Question("lower"), Question("lower", margin=(-1.0, 1.0)), Question("alike", margin=(-1.0, 1.0))]
    for _ in range(60):
        shown = paired_estimate(list(draw.lognormal(size=8) - draw.uniform(0, 3)))
        for found in [judge(shown, question) for question in questions]:
            n_open += found.n_to_decide is not None
            assert found.n_to_decide is None or found.n_to_decide > 8
            assert found.word == "inconclusive" or found.n_to_decide is None
    assert n_open > 30


def test_no_verdict_disagrees_with_the_p_value_of_its_own_test():
    draw, words = np.random.default_rng(4), set()
    for _ in range(500):
        differences = list(draw.lognormal(size=9) - draw.uniform(0, 3))
        word = decide(paired_estimate(differences), Question("lower"))
        assert (word != "inconclusive") == (paired_p_value(differences) < 0.05)
        words.add(word)
    assert words == {"supported", "contradicted", "inconclusive"}


def test_equal_differences_are_taken_at_their_word():
    assert decide(paired_estimate([-0.2] * 6), Question("lower", margin=MARGIN)) == "supported"
    assert decide(paired_estimate([0.0] * 6), Question("alike", margin=MARGIN)) == "supported"
    assert judge(paired_estimate([0.0] * 6), Question("lower")).n_to_decide is None


def test_a_ratio_is_judged_against_1():
    left = [1.5, 1.6, 1.4, 1.55, 1.45, 1.5, 1.62, 1.58]
    shown = estimate(lambda level: median_of_ratios(left, [1.0] * 8, seed=1, confidence=level))
    assert decide(shown, Question("higher", null=1.0)) == "supported"
    assert decide(shown, Question("alike", margin=(1.2, 1.8), null=1.5)) == "supported"
    assert decide(shown, Question("alike", margin=(0.9, 1.1), null=1.0)) == "contradicted"


def test_a_stricter_confidence_widens_both_intervals():
    values = [0.1, -0.3, 0.2, 0.5, 0.4, -0.1, 0.3]
    strict = paired_estimate(values, confidence=0.99)
    assert strict.narrow_confidence == pytest.approx(0.98)
    assert strict.narrow.low < paired_estimate(values).wide.low
    assert "99 % interval" in judge(strict, Question("higher")).reason


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"direction": "alike"}, "takes a margin"),
        ({"direction": "lower", "is_beyond": True}, "takes a margin"),
        ({"direction": "lower", "margin": (0.1, 0.2)}, "does not hold 0"),
        ({"direction": "lower", "margin": (0.1, -0.1)}, "does not hold 0"),
        ({"direction": "lower", "margin": (-math.nan, 0.1)}, "does not hold 0"),
        ({"direction": "alike", "margin": (-0.1, 0.1), "is_beyond": True}, "no effect beyond the margin"),
    ],
)
def test_a_question_without_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Question(**arguments)


def test_intervals_that_are_not_nested_are_no_estimate():
    wide = Interval(0.0, -1.0, 1.0, 10, "t")
    for narrow in (
        Interval(0.0, -1.1, 0.5, 10, "t"),
        Interval(0.0, -0.5, 1.1, 10, "t"),
        Interval(0.0, -0.5, 0.5, 9, "t"),
    ):
        with pytest.raises(ValueError, match="does not lie within"):
            Estimate(wide, narrow)
