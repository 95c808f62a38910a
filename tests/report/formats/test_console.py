"""What a command prints at its end: scores, verdicts, and how the runs ended."""

from __future__ import annotations

from bench.claims.claim import read_claims
from bench.core.settings import SizeSettings
from bench.report.formats.console import console_text
from tests.report.fabricated import failure, run, sweep, task
from tests.report.made import compose

SIZE = SizeSettings(mode="params", num_params=20_000)


def test_the_console_table_is_plain_and_counts_every_status():
    text = console_text(compose([*sweep(3), failure(run("gru", 9)), failure(run("lstm", 9), "diverged")]))
    lines = text.splitlines()
    assert lines[-1] == "11 runs: 9 done, 1 diverged, 1 failed"
    assert [line.split()[2] for line in lines[2:5]] == ["GRU", "LSTM", "tanh"]
    assert "8.557" in lines[2]
    assert lines[2].endswith("1 failed")


def test_the_console_table_passes_no_control_characters_on():
    text = console_text(compose(sweep(1, ("gru",), task=task(title="a\x1b[31mb\nc"))))
    assert "\x1b" not in text
    assert "a [31mb c" in text


def test_the_verdicts_stand_below_the_scores():
    text = console_text(compose(sweep(8, size=SIZE), claims=read_claims()))
    scores, verdicts, total = text.split("\n\n")
    assert scores.startswith("task ")
    assert verdicts.startswith("claim ")
    assert "supported" in verdicts
    assert "GRU − LSTM" in verdicts
    assert total == "24 runs: 24 done"


def test_where_nothing_is_decided_one_line_says_so():
    text = console_text(compose(sweep(3, size=SIZE), claims=read_claims()))
    assert "claims of the literature tested, none decided by these runs; the report says why" in text
    assert "inconclusive" not in text


def test_without_claims_there_are_no_verdicts():
    assert "claim" not in console_text(compose(sweep(8)))
