"""Names in lines of progress: Runs that differ in anything are told apart, and what they have in common is not said."""

from __future__ import annotations

from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from bench.sweep.names import RunNames
from tests.report.fabricated import cell, run, task


def names(runs, searched=()):
    made = RunNames(runs, searched)
    return [made.of(each) for each in runs]


def test_what_is_swept_is_named_and_nothing_else():
    assert names([run("gru", optim=OptimSettings(lr=lr)) for lr in (0.1, 0.01)]) == ["gru lr=0.1", "gru lr=0.01"]
    assert names([run("gru", train=TrainSettings(dropout=p)) for p in (0.0, 0.5)]) == [
        "gru dropout=0.0",
        "gru dropout=0.5",
    ]
    fields = [run("lstm", cell=cell("lstm", forget=forget)) for forget in (True, False)]
    assert names(fields) == ["lstm forget=true", "lstm forget=false"]
    counts = [run("gru", size=SizeSettings(mode="params", num_params=9, count=each)) for each in ("total", "recurrent")]
    assert names(counts) == ["gru count=total", "gru count=recurrent"]
    assert names([run("gru", seed) for seed in (0, 1)]) == ["gru seed=0", "gru seed=1"]
    assert names([run("gru")]) == ["gru"]


def test_the_seed_comes_last_and_the_width_by_its_letter():
    runs = [run("gru", seed, hidden_size=h, num_layers=n) for seed in (0, 1) for h in (8, 16) for n in (1, 2)]
    assert names(runs)[:2] == ["gru h=8 layers=1 seed=0", "gru h=8 layers=2 seed=0"]


def test_a_task_is_named_where_there_are_several():
    assert names([run(task=task("bach")), run(task=task("folk"))]) == ["bach gru", "folk gru"]


def test_what_goes_with_the_cell_or_the_task_is_not_said_again():
    runs = [
        run(
            name, seed, cell=cell(name, **fields), hidden_size=h, task=task(data), train=TrainSettings(batch_size=batch)
        )
        for data, batch in (("bach", 4), ("folk", 8))
        for name, fields, h in (("gru", {"reset": "after"}, 46), ("lstm", {"peepholes": False}, 36))
        for seed in (0, 1)
    ]
    assert names(runs)[:3] == ["bach gru seed=0", "bach gru seed=1", "bach lstm seed=0"]


def test_a_width_that_was_solved_for_follows_from_the_budget():
    sizes = [(SizeSettings(mode="params", num_params=n), h) for n, h in ((1_000, 9), (2_000, 14))]
    assert names([run(size=size, hidden_size=h) for size, h in sizes]) == ["gru num_params=1000", "gru num_params=2000"]


def test_widths_given_beside_a_budget_are_named():
    size = SizeSettings(mode="params", num_params=9_000)
    assert names([run(size=size, hidden_size=h) for h in (40, 41)]) == ["gru h=40", "gru h=41"]


def test_two_settings_with_one_last_part_are_named_in_full():
    runs = [
        run(cell=cell("gru", momentum=field), optim=OptimSettings(name="sgd", momentum=rate))
        for field in (0.1, 0.2)
        for rate in (0.5, 0.9)
    ]
    assert names(runs)[0] == "gru cell.momentum=0.1 optim.momentum=0.5"


def test_a_setting_that_is_searched_is_left_to_the_note_of_its_trial():
    runs = [run(name, optim=OptimSettings(lr=lr)) for name in ("gru", "lstm") for lr in (0.1, 0.01)]
    assert names(runs, {"optim.lr"}) == ["gru", "gru", "lstm", "lstm"]


def test_a_run_that_was_not_known_before_is_named_like_the_others():
    known = RunNames([run("gru", 0), run("gru", 1)])
    assert known.of(run("gru", 7)) == "gru seed=7"
    assert RunNames([]).of(run("gru", 7)) == "gru"
