"""Cards whose sides were tuned: an optimum that may lie beyond the space is said in the reason and the export."""

from __future__ import annotations

import csv
import dataclasses
import io
import math

import pytest

from bench.claims.claim import claim_of
from bench.report.inputs import ReportInputs, prepared
from bench.results.study import best_of, outcome_of
from tests.report.fabricated import record, scores
from tests.report.made import build
from tests.report.tuned import bowl, replicated, study

LARGEST = "the best optim.lr of the LSTM is the largest drawn"
BEYOND = ": the optimum may lie beyond the space"


def mine():
    node = {"name": "mine", "sentence": "A GRU is better.", "source": "a friend", "cells": ["gru", "lstm"]}
    return claim_of({**node, "metric": "loss", "tasks": ["all"], "direction": "better"}, "claim.mine")


def rising(cell, params, noise):
    return 9 - 0.1 * math.log10(params["optim.lr"])


def confirmed(made, records, n=5):
    """Runs that confirm the best trial of a study."""
    by_key = {each.key: each for each in records}
    best = best_of(made, [outcome_of(trial, made.metric, by_key) for trial in made.trials])
    runs = [dataclasses.replace(by_key[best.runs[0]].run, phase="confirm", seed=1000 + i) for i in range(n)]
    return [record(run, scores=scores(run, 8.5 + 0.01 * run.seed)) for run in runs]


def once(**loss_of):
    made = [study(cell, 12, loss=loss) for cell, loss in loss_of.items()]
    records = [each for one, trials in made for each in (*trials, *confirmed(one, trials))]
    return [one for one, _ in made], records


def often(**loss_of):
    made = [replicated(cell, 12, 5, loss=loss) for cell, loss in loss_of.items()]
    return [each for studies, _ in made for each in studies], [each for _, records in made for each in records]


def result(studies, records):
    (finding,) = prepared(ReportInputs(records, "x", studies=studies, claims=[mine()])).findings
    return finding.results[0]


@pytest.mark.parametrize(
    ("make", "said"), [(once, LARGEST + BEYOND), (often, f"{LARGEST} in 5 of 5 replications{BEYOND}")]
)
def test_a_card_says_that_the_best_of_a_side_lies_at_an_edge(make, said):
    found = result(*make(gru=bowl, lstm=rising))
    assert found.found.edges == said
    assert found.why.endswith(f"; {said}")


@pytest.mark.parametrize("make", [once, often])
def test_a_card_of_best_trials_inside_of_the_space_says_nothing_of_edges(make):
    found = result(*make(gru=bowl, lstm=bowl))
    assert found.found.edges == ""
    assert "beyond the space" not in found.why


def test_both_sides_are_looked_at():
    assert result(*once(gru=rising, lstm=rising)).found.edges == "; ".join(
        f"the best optim.lr of the {name} is the largest drawn{BEYOND}" for name in ("GRU", "LSTM")
    )


def test_runs_with_given_settings_have_no_edges_whatever_studies_there_are():
    studies, records = once(gru=bowl, lstm=rising)
    given = [
        dataclasses.replace(each, run=dataclasses.replace(each.run, optim=dataclasses.replace(each.run.optim, lr=0.02)))
        for each in records
        if each.run.phase == "confirm"
    ]
    given = [dataclasses.replace(each, key=each.run.key) for each in given]
    trials = [each for each in records if each.run.phase == "tune"]
    assert result(studies, [*trials, *given]).found.edges == ""


def test_the_export_has_a_column_of_edges(tmp_path):
    studies, records = once(gru=bowl, lstm=rising)
    page = build(records, tmp_path, studies=studies, claims=[mine()])
    (row,) = csv.DictReader(io.StringIO((page.parent / "claims.csv").read_text()))
    assert row["edges"] == LARGEST + BEYOND
    assert LARGEST in page.read_text()
