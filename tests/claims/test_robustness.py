"""How easily a cell is trained: shares of trials near the best and of trials that diverge, paired by settings."""

from __future__ import annotations

import dataclasses
import math

import pytest

from bench.claims.claim import read_claims
from tests.report.made import compose
from tests.report.tuned import LR, study

CLAIMS = [
    dataclasses.replace(claim, size_mode="any")
    for claim in read_claims()
    if claim.metric in ("share_near_best", "share_diverged")
]


def at(width):
    """Return a loss that is within 2 % of the best over so many decades of the rate."""
    return lambda cell, params, noise: 8.0 + 0.16 * (math.log10(params["optim.lr"] / 1e-2) / width[cell] * 2) ** 2


def found(*studies):
    records = [record for _, own in studies for record in own]
    document = compose(records, name="x", studies=[each for each, _ in studies], claims=CLAIMS)
    return {finding.claim.name: finding for finding in document.findings}


@pytest.mark.parametrize(
    ("width", "word"),
    [
        ({"gru": 3.0, "lstm": 0.5}, "supported"),
        ({"gru": 0.5, "lstm": 3.0}, "contradicted"),
    ],
)
def test_a_cell_that_comes_near_its_best_at_more_rates_is_said_to(width, word):
    finding = found(*(study(cell, 24, loss=at(width)) for cell in ("gru", "lstm")))["gru_converges_at_more_rates"]
    assert finding.word == word
    (result,) = finding.results
    assert result.found.scope == "in this search"
    assert result.card.interval.n == 24
    assert result.card.means[0] != result.card.means[1]


def test_where_nothing_diverges_nothing_is_decided():
    finding = found(*(study(cell, 24) for cell in ("gru", "lstm")))["gru_diverges_less"]
    assert finding.word == "inconclusive"
    assert finding.results[0].card.means == (0.0, 0.0)


def test_trials_that_were_not_drawn_alike_are_no_pairs():
    narrow = {"optim.lr": type(LR)(low=LR.low * 2, high=LR.high, log=True)}
    finding = found(study("gru", 24), study("lstm", 24, space=narrow))["gru_converges_at_more_rates"]
    assert finding.word == "not tested"


def test_trials_of_another_size_are_not_meant():
    studies = [study(cell, 24, loss=at({"gru": 3.0, "lstm": 0.5})) for cell in ("gru", "lstm")]
    records = [record for _, own in studies for record in own]
    claims = [dataclasses.replace(claim, size_mode="params") for claim in CLAIMS]
    document = compose(records, name="x", studies=[each for each, _ in studies], claims=claims)
    assert {finding.why for finding in document.findings} == {"No study has trials of both cells at this size."}
