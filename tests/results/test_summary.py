"""The summary: means of done Runs of one group, everything else counted."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bench.core.endings import RUN_STATUSES
from bench.core.settings import OptimSettings, TrainSettings
from bench.results.frames import runs_frame
from bench.results.summary import best_groups, repeat_of, summary, summary_rows, tuning_budget
from tests.report.fabricated import failure, record, run, scores, sweep, task


def test_a_row_holds_the_fields_that_programs_read():
    (row,) = summary_rows(runs_frame(sweep(3, ("gru",))))
    promised = ("task", "cell", "hidden_size", "num_layers", "num_params_recurrent", "num_params_total", "n")
    promised += ("metric", "split", "mean", "low", "high", "units_per_second", "kernel", *RUN_STATUSES)
    assert set(promised) <= set(row)
    assert row["n"] == row["done"] == 3
    assert isinstance(row["num_params_recurrent"], int)
    json.dumps(row, allow_nan=False)


def test_the_mean_is_the_mean_of_the_test_scores():
    records = sweep(4, ("gru",))
    (row,) = summary_rows(runs_frame(records))
    values = [made.outcome.scores["test"]["nll"] for made in records]
    assert row["mean"] == pytest.approx(sum(values) / 4, rel=1e-12)
    assert row["split"] == "test"
    assert min(values) <= row["low"] < row["mean"] < row["high"] <= max(values)


def test_few_seeds_are_said_to_be_too_few():
    assert "too narrow" in summary_rows(runs_frame(sweep(5, ("gru",))))[0]["interval"]
    assert "too narrow" not in summary_rows(runs_frame(sweep(6, ("gru",))))[0]["interval"]


def test_one_run_has_no_interval():
    (row,) = summary_rows(runs_frame(sweep(1, ("gru",))))
    assert (row["n"], row["low"], row["high"]) == (1, None, None)


def test_the_best_mean_comes_first_within_a_task():
    rows = summary_rows(runs_frame([*sweep(2), *sweep(2, task=task("another"))]))
    assert [(row["task"], row["cell"]) for row in rows] == [
        *(("another", cell) for cell in ("gru", "lstm", "tanh")),
        *(("made_up_music", cell) for cell in ("gru", "lstm", "tanh")),
    ]


def test_the_best_mean_is_the_highest_where_more_is_better():
    rows = summary_rows(runs_frame(sweep(2, task=task(direction="maximise"))))
    assert [row["cell"] for row in rows] == ["tanh", "lstm", "gru"]


def test_numbers_of_two_versions_are_never_averaged():
    rows = summary_rows(runs_frame([*sweep(2, ("gru",)), *sweep(3, ("gru",), task=task(version=2))]))
    assert [(row["task_version"], row["n"]) for row in rows] == [("1", 2), ("2", 3)]


def test_numbers_of_two_data_sets_are_never_averaged():
    others = [record(run(seed=seed), data_digests={"train": "another"}) for seed in (5, 6, 7)]
    rows = summary_rows(runs_frame([*sweep(2, ("gru",)), *others]))
    assert sorted(row["n"] for row in rows) == [2, 3]


def test_runs_that_are_not_done_are_counted_and_never_averaged():
    spoilt = scores(run(), 1000.0)
    others = [record(run(seed=10 + i), status=status, scores=spoilt) for i, status in enumerate(RUN_STATUSES[1:])]
    clean, mixed = (
        summary_rows(runs_frame(records))[0] for records in (sweep(3, ("gru",)), sweep(3, ("gru",)) + others)
    )
    assert mixed["mean"] == clean["mean"]
    assert [mixed[status] for status in RUN_STATUSES] == [3, 1, 1, 1, 1]


def test_statuses_add_up_to_the_number_of_runs():
    records = [
        *sweep(3),
        failure(run("gru", 50)),
        failure(run("lstm", 51), "diverged"),
        failure(run("tanh", 52), "timeout"),
    ]
    rows = summary_rows(runs_frame(records))
    assert sum(row[status] for row in rows for status in RUN_STATUSES) == len(records)


def test_a_group_without_a_done_run_has_a_row_without_a_mean():
    rows = summary_rows(runs_frame([*sweep(2, ("gru",)), failure(run("lstm", 0))]))
    assert [(row["cell"], row["n"], row["mean"]) for row in rows][1] == ("lstm", 0, None)


def test_tuning_runs_are_counted_beside_what_they_tuned():
    trials = [record(run("gru", 0, phase="tune", optim=OptimSettings(lr=lr))) for lr in (0.1, 0.01, 0.001)]
    rows = summary_rows(runs_frame([*sweep(2, ("gru", "lstm")), *trials]))
    assert [(row["cell"], row["phase"], row["tuning_runs"]) for row in rows] == [
        ("gru", "confirm", 3),
        ("lstm", "confirm", 0),
    ]


def drops_out(*shares: float, phase: str = "confirm"):
    """One run for each share of dropout, another learning rate for each if they are trials."""
    rates = (0.1, 0.01, 0.001) if phase == "tune" else (0.1,)
    return [
        record(run("gru", 0, phase=phase, optim=OptimSettings(lr=lr), train=TrainSettings(dropout=share)))
        for share in shares
        for lr in rates
    ]


def test_trials_of_a_swept_regulariser_are_counted_apart():
    rows = summary_rows(runs_frame([*drops_out(0.0, 0.5), *drops_out(0.0, 0.5, 0.5, phase="tune")]))
    assert {row["regularisers"]: row["tuning_runs"] for row in rows} == {"": 3, "train.dropout": 6}


def test_trials_of_a_searched_regulariser_are_counted_together():
    rows = summary_rows(runs_frame([*drops_out(0.5), *drops_out(0.0, 0.25, 0.5, phase="tune")]))
    assert [(row["regularisers"], row["tuning_runs"]) for row in rows] == [("train.dropout", 9)]


def test_before_anything_is_confirmed_tuning_runs_speak_by_validation():
    rows = summary_rows(runs_frame([record(run("gru", 0, phase="tune")), record(run("lstm", 0, phase="tune"))]))
    assert [(row["cell"], row["split"], row["phase"]) for row in rows] == [
        ("gru", "validation", "tune"),
        ("lstm", "validation", "tune"),
    ]


def test_speeds_of_two_kernels_have_no_common_median():
    records = [record(run(seed=0), kernel="slow-kernel"), record(run(seed=1), kernel="fast-kernel")]
    (row,) = summary_rows(runs_frame(records))
    assert row["units_per_second"] is None
    assert row["kernel"] == "fast-kernel and slow-kernel"


def test_a_run_of_no_time_has_no_speed():
    made = record(run())
    made = dataclasses.replace(made, cost=dataclasses.replace(made.cost, train_seconds=0.0))
    assert summary_rows(runs_frame([made]))[0]["units_per_second"] is None


def test_the_best_group_of_a_cell_is_chosen_by_validation_and_not_by_test():
    lucky = [record(run(seed=seed, hidden_size=60)) for seed in range(2)]
    swapped = [
        dataclasses.replace(
            made, outcome=dataclasses.replace(made.outcome, scores={"validation": {"nll": 9.9}, "test": {"nll": 1.0}})
        )
        for made in lucky
    ]
    best = best_groups(summary(runs_frame([*sweep(2, ("gru",)), *swapped])))
    assert best["hidden_size"].tolist() == [46]


def test_an_empty_frame_gives_no_rows():
    assert summary_rows(runs_frame([])) == []
    assert summary(runs_frame([])).empty


def test_a_row_says_how_its_settings_were_chosen():
    trials = [record(run("gru", seed, phase="tune")) for seed in range(4)]
    rows = summary_rows(runs_frame([*sweep(2, ("gru", "lstm")), *trials]))
    assert {row["cell"]: row["chosen_by"] for row in rows} == {"gru": "search", "lstm": ""}
    confirmed = sweep(2, ("gru",))
    runs = runs_frame([*confirmed, *trials], (), {each.key: () for each in confirmed})
    table = summary(runs)
    assert table["chosen_by"].tolist() == ["replications"]
    assert (repeat_of(table), tuning_budget(table.iloc[0])) == ("replication", "2 × 2")


def test_what_n_counts_is_a_run_where_seeds_and_replications_are_mixed():
    made = sweep(2, ("gru", "lstm"))
    chosen = {each.key: () for each in made if each.run.cell_name == "gru"}
    assert repeat_of(runs_frame(made, (), chosen)) == "run"
    assert repeat_of(runs_frame(made)) == "seed"
