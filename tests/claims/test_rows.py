"""Findings and cards as frames: numbers are numbers, and a card that several claims read is one row."""

from __future__ import annotations

import pandas as pd
import pytest

from bench.claims.rows import CARD_COLUMNS, cards_frame, claims_frame
from bench.report.inputs import ReportInputs, prepared
from tests.claims.test_evaluate import mine, planted


def frames(records, *claims):
    found = prepared(ReportInputs(records, "x", claims=claims))
    return claims_frame(found.findings), cards_frame(found.findings, found.cards)


def test_claims_about_one_comparison_share_a_card_whichever_side_they_name_first():
    worse = mine(name="turned", cells=["lstm", "gru"], direction="worse")
    claims, cards = frames(planted(-0.5), mine(), worse, mine(name="faster", metric="seconds_per_update"))
    assert cards["claims"].tolist() == ["mine turned", "faster"]
    assert cards["metric"].tolist() == ["loss", "seconds_per_update"]
    card = cards.iloc[0]
    assert (card["left"], card["right"], card["outcome"], card["n"]) == ("GRU", "LSTM", "left better", 10)
    assert card["left_mean"] - card["right_mean"] == pytest.approx(card["mean"], abs=1e-9)
    assert card["low"] < card["mean"] < card["high"] < card["margin_low"] < card["no_effect"] == 0
    assert claims["verdict"].tolist()[:2] == ["supported", "supported"]
    assert claims["mean"].tolist()[:2] == pytest.approx([card["mean"], -card["mean"]])


def test_a_claim_that_is_not_tested_has_a_row_without_numbers_and_no_card():
    claims, cards = frames(planted(-0.5), mine(), mine(name="other", cells=["gru", "tanh"]))
    assert claims["verdict"].tolist() == ["supported", "not tested"]
    assert claims["n"].tolist()[0] == 10
    assert claims[["mean", "low", "high", "n", "left_wins"]].iloc[1].isna().all()
    assert claims["mean"].dtype == cards["mean"].dtype == float
    assert cards["claims"].tolist() == ["mine"]


def test_counted_parameters_have_a_card_of_the_claim_that_expects_them():
    """Two claims about one count may expect different ratios, and each has its own card."""
    half, whole = (
        mine(name=name, metric="num_params", expected=ratio) for name, ratio in (("half", 0.5), ("all", 1.0))
    )
    records = planted(0.0, hidden_size=40)
    _, cards = frames(records, half, whole)
    assert cards["claims"].tolist() == ["half", "all"]
    assert cards["no_effect"].tolist() == [0.5, 1.0]
    assert cards["is_ratio"].all()


def test_without_claims_there_are_the_columns():
    claims, cards = frames(planted(0.0))
    assert list(cards) == list(CARD_COLUMNS)
    assert isinstance(claims, pd.DataFrame)
    assert claims.empty
