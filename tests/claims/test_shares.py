"""Claims about what matters, judged on the studies of a report."""

from __future__ import annotations

import dataclasses
import math

import pytest

from bench.claims import importance
from bench.claims.claim import read_claims
from bench.claims.rows import claims_frame
from bench.report.figures import shares
from tests.report.made import compose
from tests.report.tuned import HIDDEN, LR, bowl, study

SPACE = {"optim.lr": LR, "hidden_size": HIDDEN}


def by_size(cell, params, noise):
    """The hidden size decides nearly everything, the cell nothing."""
    return 8.0 + math.log2(200 / params["hidden_size"]) + 0.05 * noise


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(importance, "N_DECOYS", 2)
    monkeypatch.setattr(shares, "N_RESAMPLES", 20)


def words(*studies):
    """Return the word on each claim about what matters, and why, by its name."""
    claims = [claim for claim in read_claims() if claim.factors]
    records = [record for _, own in studies for record in own]
    frame = claims_frame(compose(records, name="x", studies=[each for each, _ in studies], claims=claims).findings)
    return {row["claim"]: (row["verdict"], row["reason"]) for _, row in frame.iterrows()}


def test_where_size_decides_it_matters_more_than_the_cell_and_the_rate_does_not_matter_most():
    found = words(*(study(cell, 24, loss=by_size, space=SPACE) for cell in ("gru", "lstm")))
    assert found["layer_size_matters_more_than_the_cell"][0] == "supported"
    assert found["learning_rate_matters_most"][0] == "contradicted"


def test_where_the_rate_decides_it_matters_most():
    found = words(*(study(cell, 24, loss=bowl, space=SPACE) for cell in ("gru", "lstm")))
    assert found["learning_rate_matters_most"][0] == "supported"


def test_a_share_that_is_one_by_definition_is_no_evidence():
    verdict, why = words(study("lstm", 24))["learning_rate_matters_most"]
    assert (verdict, why) == ("not tested", "No study says what share of the variance a setting explains.")


def test_studies_that_searched_most_speak_where_others_searched_less():
    wide = [study(cell, 24, loss=by_size, space=SPACE) for cell in ("gru", "lstm")]
    rates = {"optim.lr": dataclasses.replace(LR, low=LR.low / 2)}  # other rates, so that no Run is in two studies
    narrow = [study(cell, 24, loss=bowl, space=rates, settings={"train": {}}) for cell in ("gru", "lstm")]
    assert words(*wide, *narrow)["layer_size_matters_more_than_the_cell"][0] == "supported"


@pytest.mark.parametrize("cells", [("gru", "tanh"), ("gru",)], ids=" ".join)
def test_a_claim_about_two_cells_takes_studies_of_both(cells):
    found = words(*(study(cell, 24, loss=by_size, space=SPACE) for cell in cells))
    assert found["layer_size_matters_more_than_the_cell"][0] == "not tested"


def test_few_trials_are_no_evidence():
    found = words(*(study(cell, 12, loss=by_size, space=SPACE) for cell in ("gru", "lstm")))
    assert set(found["layer_size_matters_more_than_the_cell"]) == {
        "not tested",
        "No study says what share of the variance a setting explains.",
    }
