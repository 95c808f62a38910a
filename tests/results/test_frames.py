"""One row per Run, grouped by everything that a number depends on but the seed."""

from __future__ import annotations

import dataclasses
import math
import random

import pytest

from bench.core.metrics import METRICS
from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from bench.results.frames import TASK, curves_frame, runs_frame
from bench.results.groups import group_of, settings_of
from tests.report.fabricated import cell, failure, nats_of, outcome, record, run, sweep, task


def test_a_row_carries_what_the_record_says():
    made = record(run("lstm", 3, size=SizeSettings("params", 18_000)))
    (row,) = runs_frame([made]).to_dict("records")
    assert row["key"] == made.key
    assert (row["task"], row["task_version"], row["title"]) == ("made_up_music", "1", "Made-up Music")
    assert (row["cell"], row["hidden_size"], row["num_layers"], row["seed"]) == ("lstm", 36, 1, 3)
    assert (row["size_mode"], row["size_budget"], row["size_count"]) == ("params", 18_000, "recurrent")
    assert row["num_params_recurrent"] == made.outcome.num_params["recurrent"]
    assert row["test"] == made.outcome.scores["test"]["nll"]
    assert row["baseline_test"] == 11.06
    assert row["units_per_second"] == made.cost.units_per_second
    assert row["peak_memory_mb"] == 400.0
    assert (row["status"], row["kernel"], row["unit"]) == ("done", "made-up-kernel", "frame")


@pytest.mark.parametrize(
    ("size", "budget"),
    [(SizeSettings("flops", num_flops=40_000), 40_000), (SizeSettings("seconds", us_per_unit=2.5), 2.5)],
    ids=["flops", "seconds"],
)
def test_a_row_carries_the_budget_of_its_mode(size, budget):
    (row,) = runs_frame([record(run(size=size))]).to_dict("records")
    assert (row["size_mode"], row["size_budget"]) == (size.mode, budget)


def test_a_failed_run_has_a_row_without_numbers():
    (row,) = runs_frame([failure(run())]).to_dict("records")
    assert (row["status"], row["reason"]) == ("failed", "ValueError: made up")
    assert math.isnan(row["test"])
    assert math.isnan(row["num_params_recurrent"])


def test_no_records_give_an_empty_frame_with_every_column():
    assert list(runs_frame([]).columns) == list(runs_frame(sweep(1)).columns)
    assert list(curves_frame([]).columns) == list(curves_frame(sweep(1)).columns)


def test_the_order_of_the_records_does_not_matter():
    records = sweep(4)
    shuffled = random.Random(1).sample(records, len(records))
    assert runs_frame(records).equals(runs_frame(shuffled))
    assert curves_frame(records).equals(curves_frame(shuffled))


def test_runs_that_differ_in_the_seed_alone_share_a_group():
    runs = runs_frame(sweep(5, ("gru", "lstm")))
    assert runs.groupby("group")["seed"].apply(list).tolist() == [[0, 1, 2, 3, 4]] * 2


@pytest.mark.parametrize(
    "changes",
    [
        {"optim": OptimSettings(lr=0.01)},
        {"cell": cell("gru", reset="before")},
        {"hidden_size": 47},
        {"num_layers": 2},
        {"task": task(version=2)},
        {"size": SizeSettings("params", 18_000)},
        {"phase": "tune"},
        {"train": TrainSettings(fraction=0.5)},
    ],
)
def test_any_other_difference_makes_another_group(changes):
    assert runs_frame([record(run()), record(run(seed=1, **changes))])["group"].nunique() == 2


def test_a_word_of_description_makes_no_other_group():
    described = task(title="Another title", description="words", licence="other")
    assert runs_frame([record(run()), record(run(seed=1, task=described))])["group"].nunique() == 1


def test_other_data_make_another_group_and_are_named_in_the_label():
    other = record(run(seed=1), data_digests={"train": "other-digest"})
    runs = runs_frame([record(run()), other])
    assert runs["group"].nunique() == 2
    assert runs["task_label"].nunique() == 2
    assert runs["task_label"].str.contains("data ").all()


def test_scores_with_and_without_the_first_step_are_of_two_tasks_and_the_labels_say_which():
    given = sweep(2, task=task(first_step="given"))
    assert set(runs_frame(given)["task_label"]) == {"Made-up Music, first step given"}
    runs = runs_frame([*sweep(2), *given, failure(run(seed=9, task=task(first_step="given")))])
    assert set(runs.groupby(TASK)["task_label"].nunique()) == {1}
    first, second = runs["task_label"].unique()
    assert first.startswith("Made-up Music (data ")
    assert second.startswith("Made-up Music, first step given (data ")
    assert (runs["task_label"] == second).sum() == 7


def test_splits_not_opened_in_tuning_do_not_make_other_data():
    tuned = record(run(phase="tune"))
    assert "test" not in tuned.outcome.data_digests
    runs = runs_frame([record(run()), tuned])
    assert runs["data"].nunique() == 1


def test_a_run_that_failed_before_reading_data_stays_with_its_group():
    runs = runs_frame([*sweep(2, ("gru",)), failure(run("gru", 2))])
    assert runs["group"].nunique() == 1


def test_groups_of_one_shape_show_the_settings_that_differ():
    fast = [record(run(seed=seed, optim=OptimSettings(lr=0.01))) for seed in range(2)]
    runs = runs_frame([*sweep(2, ("gru", "lstm")), *fast])
    shown = runs.groupby(["cell", "settings"]).size().to_dict()
    assert shown == {("gru", "optim.lr=0.001"): 2, ("gru", "optim.lr=0.01"): 2, ("lstm", ""): 2}


def test_two_versions_of_a_task_are_told_apart_by_their_labels():
    runs = runs_frame([record(run()), record(run(task=task(version=2)))])
    assert sorted(runs["task_label"]) == ["Made-up Music (version 1)", "Made-up Music (version 2)"]


def test_a_curve_is_in_the_metric_of_its_task():
    made = record(run(task=task(metric="perplexity", level="word")))
    curve = curves_frame([made])
    point = made.outcome.curve[-1]
    assert curve["validation"].iloc[-1] == METRICS["perplexity"].from_nats(point.validation_nats)
    assert (curve["update"].iloc[-1], curve["epoch"].iloc[-1]) == (point.update, point.epoch)
    assert curve["seconds"].iloc[-1] == made.cost.curve_seconds[-1]


def test_a_curve_without_times_keeps_its_points():
    made = record(run())
    made = dataclasses.replace(made, cost=dataclasses.replace(made.cost, curve_seconds=()))
    curve = curves_frame([made])
    assert len(curve) == len(outcome(run()).curve)
    assert curve["seconds"].isna().all()


def test_the_made_up_records_say_what_they_are_made_of():
    assert record(run()).outcome.scores["validation"]["nll"] == nats_of(run())


def test_shares_of_the_data_have_a_column_and_are_told_apart_in_words():
    runs = runs_frame([record(run(train=TrainSettings(fraction=share))) for share in (0.1, 1.0)])
    assert dict(zip(runs["train_fraction"], runs["settings"], strict=True)) == {
        0.1: "train.fraction=0.1",
        1.0: "train.fraction=1.0",
    }


def test_a_group_of_runs_on_all_data_has_the_name_that_it_had_before_there_were_shares():
    assert group_of(settings_of(run()), "abc") == "247b772f540e"
