"""The figure of all tasks: every seed of the groups that are drawn, and only published numbers of the same measure."""

from __future__ import annotations

from bench.core.settings import TrainSettings
from bench.report.sections.glance import MOST_GROUPS
from tests.report.fabricated import failure, record, run, sweep, task
from tests.report.made import compose

JSB, OTHER = task("jsb_chorales", title="JSB Chorales"), task("other", title="Other")


def chart(records):
    return compose(records).scores.chart


def test_every_seed_of_every_task_is_drawn_and_what_is_in_print_of_the_same_measure():
    made = chart([*sweep(4, task=JSB), *sweep(4, task=OTHER)])
    assert made is not None
    seeds = made.data[made.data["paper"] == ""]
    assert len(seeds) == 2 * 3 * 4
    in_print = made.data[made.data["paper"] != ""]
    assert set(in_print["task_label"]) == {"JSB Chorales"}
    assert {8.54, 8.67, 9.10} <= set(in_print["score"])
    assert "JSB Chorales: GRU 46 × 1" in made.alt


def test_one_task_has_its_own_figure_and_needs_no_glance():
    assert chart(sweep(4, task=JSB)) is None


def test_of_many_groups_the_best_are_drawn():
    many = [record(run("gru", seed, task=JSB, hidden_size=10 + i)) for i in range(MOST_GROUPS + 3) for seed in (0, 1)]
    made = chart([*many, *sweep(2, task=OTHER)])
    assert made is not None
    assert made.data.loc[made.data["task_label"] == "JSB Chorales", "hidden_size"].nunique() == MOST_GROUPS


def test_a_task_whose_runs_all_failed_has_no_panel():
    failed = [failure(run("gru", seed, task=OTHER)) for seed in range(2)]
    assert chart([*sweep(2, task=JSB), *failed]) is None


def test_groups_of_one_size_are_told_apart_by_their_settings_and_others_are_not():
    rates = [sweep(2, ("gru",), task=JSB, train=TrainSettings(output_dropout=share)) for share in (0.0, 0.3)]
    made = chart([*rates[0], *rates[1], *sweep(2, ("lstm",), task=JSB), *sweep(2, ("gru",), task=OTHER)])
    assert made is not None
    assert "GRU 46 × 1 output_dropout=0.3" in made.alt
    assert "LSTM 36 × 1 8" in made.alt
    assert "Other: GRU 46 × 1 8" in made.alt
