"""What a card says of a claim: the word follows from the interval and the margin, and mirror images agree."""

from __future__ import annotations

import math
import random

import pytest

from bench.claims.judgement import overall_of, reason_of, word_of
from bench.core.interval import Interval
from bench.stats.card import Card
from bench.stats.synthesis import synthesis

WINS = Interval(0.5, 0.2, 0.8, 10, "Wilson")


def card(low, high, *, mean=None, n=10, is_ratio=False, margin=1.0, task="music"):
    interval = Interval((low + high) / 2 if mean is None else mean, low, high, n, "t")
    null = 1.0 if is_ratio else 0.0
    return Card(task, "GRU", "LSTM", True, (5.0, 5.0), interval, 0.95, margin, WINS, null=null, is_ratio=is_ratio)


BETTER, OPEN, SMALL = (-3.0, -1.1), (-3.0, -0.5), (-1.2, -0.1)
ALIKE, UNDECIDED, NOT_WORSE = (-0.9, 0.9), (-3.0, 3.0), (-3.0, 0.5)


@pytest.mark.parametrize(
    ("direction", "words"),
    [
        ("better", ["supported", "supported", "inconclusive", "equivalent", "inconclusive", "inconclusive"]),
        ("worse", ["contradicted", "contradicted", "inconclusive", "equivalent", "inconclusive", "inconclusive"]),
        ("alike", ["contradicted", "inconclusive", "inconclusive", "supported", "inconclusive", "inconclusive"]),
        ("not_worse", ["supported", "supported", "supported", "supported", "inconclusive", "supported"]),
    ],
)
def test_a_card_says_of_a_claim_what_the_table_says(direction, words):
    cards = [card(*ends) for ends in (BETTER, OPEN, SMALL, ALIKE, UNDECIDED, NOT_WORSE)]
    assert [word_of(each, direction) for each in cards] == words


def test_right_better_contradicts_that_left_is_not_worse():
    assert word_of(card(1.1, 3.0), "not_worse") == "contradicted"
    assert word_of(card(0.5, 3.0), "not_worse") == "inconclusive"


def some_cards(n=400, *, is_ratio=False):
    draw = random.Random(0)
    for _ in range(n):
        low, high = sorted(draw.uniform(-3, 3) for _ in range(2))
        mean = draw.uniform(low, high)
        ends = [2**each if is_ratio else each for each in (low, high, mean)]
        yield card(ends[0], ends[1], mean=ends[2], is_ratio=is_ratio, n=draw.choice([5, 6, 10]))


@pytest.mark.parametrize("is_ratio", [False, True])
def test_no_two_claims_about_one_comparison_contradict_each_other(is_ratio):
    for each in some_cards(is_ratio=is_ratio):
        words = {direction: word_of(each, direction) for direction in ("better", "worse", "alike", "not_worse")}
        turned = each.mirrored()
        assert words["better"] == word_of(turned, "worse")
        assert words["alike"] == word_of(turned, "alike")
        assert turned.mirrored().interval.low == pytest.approx(each.interval.low)
        supported = {direction for direction, word in words.items() if word == "supported"}
        assert not {"better", "worse"} <= supported
        assert not ({"better", "worse"} & supported and "alike" in supported)
        assert not ("worse" in supported and "not_worse" in supported)
        assert (words["better"] == "equivalent") == (words["alike"] == "supported")


@pytest.mark.parametrize("is_ratio", [False, True])
def test_supported_never_stands_where_the_estimate_lies_inside_the_margin(is_ratio):
    n = 0
    for each in some_cards(is_ratio=is_ratio):
        for direction in ("better", "worse"):
            if word_of(each, direction) in ("supported", "contradicted"):
                n += 1
                assert each.is_beyond
    assert n > 100


@pytest.mark.parametrize(
    ("words", "overall"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "inconclusive"], "inconclusive"),
        (["supported", "contradicted"], "contradicted"),
        (["equivalent", "equivalent"], "equivalent"),
        (["equivalent", "supported"], "inconclusive"),
    ],
)
def test_a_claim_about_all_data_sets_holds_where_every_card_says_so(words, overall):
    assert overall_of(words) == overall


def test_the_reason_holds_the_numbers_that_decided():
    assert reason_of(card(-3.0, -1.1)) == (
        "-2.05, 95 % interval [-3, -1.1] over 10 pairs: it lies wholly beyond the margin, -1 to 1"
    )
    assert reason_of(card(-1.0, 3.0)).endswith(
        "it holds 0 and reaches beyond the margin, -1 to 1; about 160 pairs would narrow it to half a margin either way"
    )
    assert reason_of(card(2.0, 2.0)) == "all pairs agree on 2, and an interval without a width decides nothing"
    assert reason_of(card(-3.0, -1.1, n=5)) == "5 pairs; at least 6 are needed"
    assert reason_of(card(math.nan, math.nan)) == "there is no interval (t)"


def test_data_sets_that_agree_support_a_claim_in_general_from_six_on():
    for k, word in ((5, "inconclusive"), (6, "supported")):
        found = synthesis([card(-0.3 - i / 50, 0.3 - i / 50) for i in range(k)])
        assert word_of(found.card(card(*ALIKE)), "alike") == word
