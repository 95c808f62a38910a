"""Tables to hand out: each varied setting in a column, and every Run with the trial that it trains or confirms."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from bench.core.settings import OptimSettings, TrainSettings
from bench.report.inputs import ReportData, ReportInputs
from bench.results.columns import RUN_COLUMNS
from bench.results.study import TrialRecord
from bench.results.tidy import STUDY_COLUMNS
from tests.report.fabricated import cell, record, run, sweep, task
from tests.report.tuned import LR, replicated, study, together


def tables(records, studies=()) -> ReportData:
    return ReportData(ReportInputs(records, "x", studies=studies))


def varied(data: ReportData) -> list[str]:
    return [name for name in data.run_table if name not in (*RUN_COLUMNS, *STUDY_COLUMNS)]


def test_each_setting_that_differs_has_a_column_with_the_value_of_the_record_and_no_other_has():
    grid = [(rate, dropout, name) for rate in (0.01, 1e-3) for dropout in (0, 0.25) for name in ("adam", "sgd")]
    made = [
        record(run("gru", optim=OptimSettings(name, rate), train=TrainSettings(dropout=dropout, window=7)))
        for rate, dropout, name in grid
    ]
    data = tables(made)
    assert varied(data) == ["optim.lr", "optim.name", "train.dropout"]
    rows = data.run_table.set_index("key")
    for each in made:
        row, settings = rows.loc[each.key], each.run
        assert (row["optim.lr"], row["optim.name"]) == (settings.optim.lr, settings.optim.name)
        assert row["train.dropout"] == settings.train.dropout
    assert rows["optim.lr"].dtype == rows["train.dropout"].dtype == float
    assert data.curve_table["optim.lr"].tolist() == rows.loc[data.curve_table["key"], "optim.lr"].tolist()


def test_a_field_of_a_cell_counts_as_varied_where_runs_of_that_cell_differ_in_it():
    biased = [record(run("lstm", cell=cell("lstm", forget_bias=bias, peepholes=False))) for bias in (0, 1.5)]
    data = tables([*biased, record(run("gru", cell=cell("gru", reset="after")))])
    assert varied(data) == ["cell.forget_bias"]
    found = data.run_table.groupby("cell")["cell.forget_bias"].apply(list)
    assert sorted(found["lstm"]) == [0.0, 1.5]
    assert math.isnan(found["gru"][0])


def test_a_setting_of_a_task_counts_as_varied_within_the_task_alone():
    assert varied(tables([*sweep(1), *sweep(1, task=task("another", level="word"))])) == []
    given = tables([*sweep(1), *sweep(1, task=task(first_step="given"))])
    assert set(given.run_table["task.first_step"]) == {"predicted", "given"}


def test_a_record_from_before_a_setting_has_the_value_that_was_implied():
    data = tables([record(run("lstm")), record(run("lstm", 1, cell=cell("lstm", chrono=1.0)))])
    assert data.run_table.set_index("seed")["cell.chrono"].to_dict() == {0: 0.0, 1: 1.0}
    assert varied(tables([record(run("lstm")), record(run("lstm", 1, cell=cell("lstm", chrono=0.0)))])) == []


def test_the_seed_and_the_shape_have_the_columns_that_they_had():
    made = [record(run("gru", seed, hidden_size=size)) for seed in range(2) for size in (20, 40)]
    assert varied(tables(made)) == []
    assert list(tables(made).run_table) == [*RUN_COLUMNS, *STUDY_COLUMNS]


def test_a_run_says_which_trial_of_which_replication_it_trains_or_confirms():
    both = [replicated(name, 4, 3) for name in ("gru", "lstm")]
    studies, records = [made for each, _ in both for made in each], [one for _, each in both for one in each]
    data = tables(records, studies)
    runs, trials = data.run_table.set_index("key"), data.trial_table
    assert len(trials) == 24
    for made in studies:
        for trial in made.trials:
            row = runs.loc[trial.runs[0]]
            assert tuple(row[["study_key", "replication", "trial"]]) == (made.key, made.replication, trial.number)
    confirmed = runs[runs["phase"] == "confirm"]
    assert len(confirmed) == 6
    best = trials[trials["is_best"]].set_index(["study", "replication"])
    for row in confirmed.to_dict("records"):
        chosen = best.loc[(row["study"], row["replication"])]
        assert (row["trial"], row["optim.lr"]) == (chosen["number"], chosen["optim.lr"])


def test_every_seed_that_confirms_a_search_carried_out_once_says_which_trial_it_was():
    made, trials = study("gru", 5)
    chosen = trials[3].run
    confirmed = [record(dataclasses.replace(chosen, phase="confirm", seed=seed)) for seed in (1000, 1001)]
    other = record(dataclasses.replace(chosen, phase="confirm", hidden_size=99))
    runs = tables([*trials, *confirmed, other], [made]).run_table.set_index("key")
    for each in confirmed:
        assert tuple(runs.loc[each.key, ["study_key", "replication", "trial"]]) == (made.key, 0, 3)
    assert runs.loc[other.key, "study_key"] == ""
    assert runs.loc[other.key, ["replication", "trial"]].isna().all()


def test_a_trial_has_what_its_runs_have_in_common_and_their_seconds_together():
    made, records = study("gru", 2, seeds_per_trial=2)
    pair = TrialRecord(0, made.trials[0].params, (records[0].key, records[1].key))
    (row,) = tables(records, [dataclasses.replace(made, trials=(pair,))]).trial_table.to_dict("records")
    assert row["runs"].split() == [each.key for each in records]
    assert row["seconds"] == pytest.approx(sum(each.cost.seconds for each in records), rel=1e-12)
    assert (row["hidden_size"], row["num_layers"]) == (46, 1)
    assert row["num_params_total"] == records[0].outcome.num_params["total"]


def test_a_setting_that_one_study_searched_and_another_fixed_has_a_value_in_every_trial():
    """Also in trials that were never trained; which settings were fixed, the study says."""
    searched = study("gru", 3, endings={1: "infeasible"})
    settings = {"optim": {"lr": 0.5}, "train": {"window": 7}}
    space = {"train.input_dropout": LR}
    fixed = study("lstm", 3, space=space, settings=settings, endings={2: "waiting"}, loss=lambda *_: 9.0)
    studies, records = together(searched, fixed)
    trials = tables(records, studies).trial_table
    gru, lstm = (trials[trials["cell"] == name] for name in ("gru", "lstm"))
    assert gru["optim.lr"].tolist() == [trial.params["optim.lr"] for trial in searched[0].trials]
    assert lstm["optim.lr"].tolist() == [1e-3, 1e-3, 0.5]  # as its Runs have it; none was trained of the last
    assert lstm["train.input_dropout"].tolist() == [trial.params["train.input_dropout"] for trial in fixed[0].trials]
    assert gru["seconds"].isna().tolist() == [False, True, False]


def test_the_order_of_studies_and_records_does_not_matter():
    both = [replicated(name, 3, 2) for name in ("gru", "lstm")]
    studies, records = [made for each, _ in both for made in each], [one for _, each in both for one in each]
    first, again = tables(records, studies), tables(records[::-1], studies[::-1])
    for name in ("run_table", "trial_table", "curve_table"):
        pd.testing.assert_frame_equal(getattr(first, name), getattr(again, name))


def test_without_records_there_are_the_columns_and_no_rows():
    data = tables([])
    assert list(data.run_table) == list(tables(sweep(1)).run_table)
    assert list(data.curve_table) == list(tables(sweep(1)).curve_table)
    assert data.trial_table[data.trial_table["is_best"]].empty
