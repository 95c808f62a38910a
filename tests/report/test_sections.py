"""Each section states n and what its bars are, and claims nothing that its runs do not show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from bench.core.cell_words import shipped
from bench.core.settings import OptimSettings, SizeSettings, TrainSettings
from bench.report.formats.page import charts
from bench.report.section import Document, Section
from bench.report.sections.curves import common_mean
from bench.results.labels import cell_styles
from tests.report.fabricated import PROVENANCE, failure, record, run, sweep, task
from tests.report.made import compose


def section(document: Document, heading: str) -> Section:
    found = [part for chapter in document.chapters for part in chapter.sections if part.heading == heading]
    return found[0]


def words(part: Section) -> str:
    return " ".join(part.text)


def test_every_chart_states_n_and_has_alternative_text_and_data():
    document = compose([*sweep(4), *sweep(3, hidden_size=64)], name="x")
    found = charts(document)
    assert [chart.name.rsplit("-", 1)[1] for chart in found] == ["score", "curves", "size", "speed"]
    for chart in found:
        assert chart.caption.startswith("n = ")
        assert len(chart.alt) > 40
        assert len(chart.data) > 0


def test_the_budgets_that_sizes_were_solved_for_are_named_beside_the_counts():
    sizes = [SizeSettings("seconds", us_per_unit=2.5), SizeSettings("flops", num_flops=40_000, count="total")]
    document = compose([made for size in sizes for made in sweep(2, size=size)], name="x")
    text = words(section(document, "Parameters"))
    assert "Hidden sizes are for " in text
    assert "2.5 µs of training per frame" in text
    assert "40,000 floating-point operations per frame in all" in text
    assert "sizes are for" not in words(section(compose(sweep(2), name="x"), "Parameters"))


@pytest.mark.parametrize("name", ["score", "size"])
def test_charts_with_bars_say_what_the_bars_are(name):
    document = compose([*sweep(4), *sweep(3, hidden_size=64)], name="x")
    (chart,) = [chart for chart in charts(document) if chart.name.endswith(name)]
    assert "Bar: 95 % expanded percentile bootstrap interval of the mean" in chart.caption


def test_every_seed_is_a_point_of_the_score_chart():
    chart = section(compose(sweep(7), name="x"), "Score by cell").chart
    assert chart is not None
    drawn = [
        len(points.get_offsets()) for points in chart.figure.axes[0].collections if isinstance(points, PathCollection)
    ]
    assert drawn == [7, 7, 7]


def test_the_baseline_is_in_the_text_and_does_not_stretch_the_axis():
    part = section(compose(sweep(4), name="x"), "Score by cell")
    assert "unigram baseline" in words(part)
    assert "11.06" in words(part)
    assert part.chart is not None
    assert part.chart.figure.axes[0].get_xlim()[1] < 10


def test_a_score_chart_too_long_for_a_page_says_what_it_leaves_out():
    records = [record(run("gru", 0, optim=OptimSettings(lr=0.001 * (i + 1)))) for i in range(45)]
    chart = section(compose(records, name="x"), "Score by cell").chart
    assert chart is not None
    assert "Not drawn: 5 more rows" in chart.caption


def test_early_evaluations_do_not_squash_the_curves():
    part = section(compose(sweep(3), name="x"), "Learning curves")
    assert part.chart is not None
    assert part.chart.figure.axes[0].get_ylim()[1] < 12
    assert "The axis leaves out" in part.chart.caption


def test_curves_of_many_sizes_are_reduced_to_the_best_of_each_cell():
    part = section(compose([*sweep(3), *sweep(3, hidden_size=20)], name="x"), "Learning curves")
    assert "each cell's best group by mean validation score, out of 6 groups" in words(part)
    assert part.chart is not None
    assert part.chart.data.groupby("cell")["hidden_size"].unique().map(list).to_dict() == {
        "gru": [46],
        "lstm": [36],
        "tanh": [100],
    }


def test_the_mean_curve_covers_only_what_every_run_reaches():
    curves = [
        pd.DataFrame({"update": [10.0, 20.0, 30.0], "validation": [3.0, 2.0, 1.0]}),
        pd.DataFrame({"update": [10.0, 20.0], "validation": [5.0, 4.0]}),
    ]
    grid, mean = common_mean(curves, "update")
    assert (grid[0], grid[-1]) == (10.0, 20.0)
    assert np.allclose(mean, np.linspace(4.0, 3.0, len(grid)))


def test_curves_that_share_no_stretch_have_no_mean():
    curves = [pd.DataFrame({"update": [start, start + 1.0], "validation": [1.0, 2.0]}) for start in (0.0, 5.0)]
    assert common_mean(curves, "update")[0].size == 0


def test_size_is_shown_only_where_it_was_swept():
    assert "Score against size" not in [part.heading for part in compose(sweep(3), name="x").chapters[0].sections]
    document = compose([*sweep(3), *sweep(3, num_layers=2)], name="x")
    assert "6 sizes over 3 cells" in words(section(document, "Score against size"))


def test_score_against_data_is_shown_where_several_shares_were_trained_on():
    records = [made for share in (0.1, 0.5, 1.0) for made in sweep(3, train=TrainSettings(fraction=share))]
    heading = "Score against training data"
    assert heading not in [part.heading for part in compose(sweep(3), name="x").chapters[0].sections]
    part = section(compose(records, name="x"), heading)
    assert "3 shares of the training split over 3 cells" in words(part)
    assert part.chart is not None
    assert part.table is not None
    axes = part.chart.figure.axes[0]
    assert axes.get_xscale() == "log"
    assert [list(line.get_xdata()) for line in axes.get_lines() if len(line.get_xdata()) == 3][:3] == [
        [0.1, 0.5, 1.0]
    ] * 3
    assert [entry[2].text for entry in part.table.rows] == ["0.1", "0.5", "1"] * 3
    assert part.chart.caption.startswith("n = 3 runs per marker")
    assert "Bar: 95 % expanded percentile bootstrap interval of the mean" in part.chart.caption
    assert len(part.chart.data) == 27


def test_answers_curves_and_sizes_are_of_the_most_data():
    worse = sweep(6, ("gru", "lstm"))
    better = sweep(6, ("gru", "lstm"), train=TrainSettings(fraction=0.5), hidden_size=400)
    document = compose([*worse, *better], name="x")
    (answer,) = document.answers
    assert "share of the training split" not in " ".join(answer.sentences)
    chart = section(document, "Learning curves").chart
    assert chart is not None
    assert set(chart.data["train_fraction"]) == {1.0}
    assert "trained on a share of the training split: 0.5." in " ".join(compose(better, name="x").answers[0].sentences)


def test_the_parameter_table_prints_the_mismatch_of_both_counts():
    part = section(compose(sweep(1), name="x"), "Parameters")
    assert "The recurrent counts differ by up to 5.0 %, the totals by up to 31.1 %" in words(part)
    assert part.table is not None
    assert [entry.text for entry in part.table.rows[0]][:4] == ["LSTM", "36 × 1", "18,000", "smallest"]


def timed(cell_name: str, seed: int, train_seconds: float):
    made = record(run(cell_name, seed))
    return dataclasses.replace(made, cost=dataclasses.replace(made.cost, train_seconds=train_seconds))


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        ({"gru": (10, 11, 12), "lstm": (20, 22, 24)}, "GRU trained fastest: 2.00 times LSTM by median"),
        ({"gru": (10, 11, 21), "lstm": (20, 22, 24)}, "overlap between cells, so no cell is called faster"),
        ({"gru": (10, 11), "lstm": (20, 22)}, "fewer than 3 runs of a cell, no cell is called faster"),
    ],
)
def test_speeds_within_one_kernel_are_ranked_when_the_runs_do_not_overlap(seconds, verdict):
    records = [timed(name, i, float(value)) for name, values in seconds.items() for i, value in enumerate(values)]
    text = words(section(compose(records, name="x"), "Training speed"))
    assert "comparable only within one kernel class" in text
    assert verdict in text


def test_speeds_of_cells_that_did_not_take_turns_are_not_ranked():
    records = [timed("gru", seed, 10.0) for seed in range(3)]
    later = dataclasses.replace(PROVENANCE, started="2030-01-02T00:00:00+00:00")
    records += [dataclasses.replace(timed("lstm", seed, 20.0), provenance=later) for seed in range(3)]
    text = words(section(compose(records, name="x"), "Training speed"))
    assert "did not take turns on the machine, so no cell is called faster" in text


@pytest.mark.parametrize("what", ["kernel", "threads", "cpu"])
def test_speeds_of_other_kernels_threads_or_processors_are_not_ranked(what):
    gru, lstm = sweep(3, ("gru",)), sweep(3, ("lstm",))
    if what == "kernel":
        lstm = [record(made.run, kernel="another-kernel") for made in lstm]
    else:
        other = dataclasses.replace(PROVENANCE, **{what: 4 if what == "threads" else "Another CPU"})
        lstm = [record(made.run, provenance=other) for made in lstm]
    text = words(section(compose([*gru, *lstm], name="x"), "Training speed"))
    assert f"differ in {what}" in text
    assert "not ranked" in text
    assert "fastest" not in text


def test_speed_rows_of_two_kernels_are_two_rows_each_naming_its_kernel():
    records = [*sweep(2, ("gru",)), record(run("gru", 7), kernel="another-kernel")]
    chart = section(compose(records, name="x"), "Training speed").chart
    assert chart is not None
    labels = [label.get_text() for label in chart.figure.axes[0].get_yticklabels()]
    assert [label.split()[-1] for label in labels] == ["another-kernel", "made-up-kernel"]


def test_runs_that_did_not_end_as_done_are_listed_with_their_reasons():
    records = [*sweep(2, ("gru",)), failure(run("gru", 8)), failure(run("gru", 9), "diverged", "loss is nan")]
    part = section(compose(records, name="x"), "Failed and diverged runs")
    assert words(part) == "2 runs of 4: 1 diverged, 1 failed."
    assert part.table is not None
    assert [row[6].text for row in part.table.rows] == ["loss is nan", "ValueError: made up"]


def test_a_long_list_of_failures_is_cut_and_says_so():
    part = section(compose([failure(run("gru", seed)) for seed in range(75)], name="x"), "Failed and diverged runs")
    assert part.table is not None
    assert len(part.table.rows) == 60
    assert "The other 15 are in runs.csv" in part.table.caption


def test_settings_are_split_into_what_varied_and_what_was_constant():
    document = compose([*sweep(3, ("gru",)), *sweep(3, ("lstm",), optim=OptimSettings(lr=0.01))], name="x")
    varied, constant = (section(document, heading).table for heading in ("What varied", "What was constant"))
    assert varied is not None
    assert constant is not None
    shown = {row[0].text: row[1].text for row in varied.rows}
    assert shown["optim.lr"] == "GRU: 0.001; LSTM: 0.01"
    assert shown["hidden_size"] == "GRU: 46; LSTM: 36"
    assert shown["seed"] == "0 to 2"
    assert {row[0].text: row[1].text for row in constant.rows}["optim.name"] == "adam"


def test_uncommitted_changes_are_confessed():
    dirty = dataclasses.replace(PROVENANCE, git_dirty=True)
    text = words(section(compose([record(run(), provenance=dirty)], name="x"), "Machine and software"))
    assert "1 run came from a working tree with changes not committed" in text


def test_runs_that_went_on_elsewhere_are_confessed():
    notes = ("resumed after 5 updates, not bit-identical, the checkpoint was made with cpu Another",)
    elsewhere = dataclasses.replace(PROVENANCE, resumed=notes)
    here = dataclasses.replace(PROVENANCE, resumed=("resumed after 5 updates, bit-identical",))
    records = [record(run(seed=0), provenance=elsewhere), record(run(seed=1), provenance=here), record(run(seed=2))]
    text = words(section(compose(records, name="x"), "Machine and software"))
    assert "1 run went on from a checkpoint of another machine or build, with other bits than in one piece" in text
    assert "1 run went on from a checkpoint of this machine, to the same bits" in text


def test_the_tuning_budget_is_always_stated():
    trials = [
        record(run(cell, 0, phase="tune", optim=OptimSettings(lr=lr))) for cell in ("gru", "lstm") for lr in (0.1, 0.01)
    ]
    confirmed = sweep(6, ("gru", "lstm"))
    assert "Nothing was tuned" in words(compose(confirmed, name="x").scores)
    assert "tuned with the same budget: 2 tuning runs each" in words(compose([*confirmed, *trials], name="x").scores)
    assert "not fair to every cell" in words(compose([*confirmed, *trials[:3]], name="x").scores)


def test_few_seeds_are_warned_of_above_the_table():
    assert "fewer than 6 seeds" in words(compose(sweep(3), name="x").scores)
    assert "fewer than 6 seeds" not in words(compose(sweep(6), name="x").scores)


def test_counts_of_every_status_add_up_on_the_first_screen():
    records = [*sweep(2), failure(run("gru", 8)), failure(run("gru", 9), "diverged"), record(run(phase="tune"))]
    assert compose(records, name="x").facts == ("9 runs", "7 done", "1 diverged", "1 failed", "1 of them for tuning")


def test_a_record_that_is_there_twice_counts_once_and_is_mentioned():
    document = compose([*sweep(2, ("gru",)), *sweep(1, ("gru",))], name="x")
    assert document.facts[0] == "2 runs"
    assert document.notes == ("1 record left out: another record has the same key.",)


def test_tasks_have_a_chapter_each_and_versions_too():
    records = [*sweep(2), *sweep(2, task=task(version=2)), *sweep(2, task=task("other", title="Other"))]
    titles = [chapter.title for chapter in compose(records, name="x").chapters]
    assert titles == ["Made-up Music (version 1)", "Made-up Music (version 2)", "Other", "How this was made"]


def test_a_cell_keeps_its_colour_and_place_whatever_else_is_shown():
    assert list(cell_styles(["zeta", "tanh", "alpha", "lstm", "gru"])) == ["gru", "lstm", "tanh", "alpha", "zeta"]
    own = {name: node["colour"] for name, node in shipped().items() if "colour" in node}
    assert len(set(own.values())) == len(own) == 6
    assert {cell: cell_styles([cell])[cell].colour for cell in own} == own
    many = cell_styles(["gru", "lstm", "tanh", *(f"cell{i}" for i in range(5))])
    assert len({style.colour for style in many.values()}) == 8


def test_a_mismatch_is_not_computed_over_sizes_that_were_swept():
    part = section(compose([*sweep(1), *sweep(1, hidden_size=20)], name="x"), "Parameters")
    assert "differ by" not in words(part)
    assert part.table is not None
    assert part.table.headers == ("Cell", "Hidden × layers", "Recurrent", "Total")
    assert len(part.table.rows) == 6
