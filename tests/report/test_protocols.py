"""Claims over several results: each result's word, and one word for all that says what it depends on."""

from __future__ import annotations

import pytest

from bench.claims.claim import claim_of
from bench.report.inputs import ReportInputs
from bench.report.protocols import over_results
from tests.claims.test_evaluate import planted
from tests.cli.test_commands import said
from tests.cli.test_config import dispatch
from tests.report.fabricated import sweep, task
from tests.report.test_comparison import SIZE, write

CLAIM = claim_of(
    {
        "name": "mine",
        "sentence": "The GRU is better.",
        "source": "a friend",
        "tasks": ["all"],
        "cells": ["gru", "lstm"],
        "metric": "loss",
        "direction": "better",
    },
    "mine",
)


def overall(*results):
    """Return the words of each result and of all, for results that are lists of records."""
    inputs = [ReportInputs(records, f"r{i}", claims=[CLAIM]) for i, records in enumerate(results)]
    sections = over_results(inputs).sections
    ((_, *words),) = sections[0].table.rows
    assert len(sections[1].table.rows) == sum(len({made.run.task_name for made in records}) for records in results)
    return [word.text for word in words]


def test_results_that_agree_have_their_word():
    assert overall(planted(-0.5), planted(-0.4, seed=1)) == ["supported", "supported", "supported"]


def test_results_that_decide_differently_on_one_data_set_depend_on_the_protocol():
    assert overall(planted(-0.5), planted(0.5)) == ["supported", "contradicted", "depends on the protocol"]
    assert overall(planted(-0.5), planted(0.0))[2] == "depends on the protocol"


def test_data_sets_that_decide_differently_are_no_matter_of_the_protocol():
    words = overall(planted(-0.5), planted(0.5, task=task("other", title="other")))
    assert words[2] == "depends on the data set"


def test_what_is_open_in_one_result_contradicts_no_other():
    assert overall(planted(-0.5), planted(0.0, n=3)) == ["supported", "inconclusive", "supported on 1 of 2"]


def test_the_command_writes_a_page_beside_the_results(tmp_path, capsys):
    folders = [str(write(tmp_path / name, sweep(8, ("gru", "lstm"), size=SIZE))) for name in ("old", "new")]
    assert said(["report", "--claims", *folders], capsys) == f"claims: {tmp_path / 'claims.html'}\n"
    assert "GRU and LSTM perform alike." in (tmp_path / "claims.md").read_text()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--claims", "old"], "takes two or more results directories"),
        (["--claims", "old", "old"], "takes two or more results directories, each once"),
        (["--claims", "old", "new", "--json"], "stands alone"),
        (["--claims", "old", "none"], "no run records in none"),
    ],
)
def test_what_has_no_claims_to_show_is_one_message(words, problem, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("old", "new"):
        write(tmp_path / name, sweep(1, ("gru",)))
    status, message = dispatch(["report", *words], capsys)
    assert (status, message.count("\n")) == (2, 1)
    assert problem in message
    assert not (tmp_path / "claims.html").exists()
