"""Published numbers beside ours: the least different runs, the reasons, and no number of another task or cell."""

from __future__ import annotations

import math

import pytest

from bench.claims.published import numbers
from bench.core.cell_words import shipped
from bench.core.settings import OptimSettings, TrainSettings
from bench.report.inputs import ReportInputs, prepared
from bench.report.section import Document, Section
from bench.report.sections.beside import beside, settings_by_group
from bench.results.frames import runs_frame
from bench.results.summary import summary
from tests.report.fabricated import cell, record, run, scores, sweep, task
from tests.report.made import compose
from tests.report.tuned import bowl, replicated

JSB = task("jsb_chorales", title="JSB Chorales")

CHUNG = {
    "optim": OptimSettings(name="rmsprop"),
    "train": TrainSettings(weight_noise=0.075, clip_norm=1.0),
    "cell": cell("gru", reset="before"),
}


def section(document: Document, heading: str) -> Section | None:
    found = [part for chapter in document.chapters for part in chapter.sections if part.heading == heading]
    return found[0] if found else None


def frame(records):
    runs = runs_frame(records)
    return beside(summary(runs), runs, settings_by_group(records, runs))


def one(rows, **fields):
    for name, value in fields.items():
        rows = rows[rows[name] == value]
    (row,) = rows.to_dict("records")
    return row


def chung(rows):
    return one(rows, paper="Chung et al. 2014", cell="gru", split="test")


def test_a_setting_that_each_replication_chose_reads_as_that():
    studies, records = replicated("gru", 3, 3)
    found = prepared(ReportInputs(records, "x", studies=studies))
    ((group, settings),) = settings_by_group(found.records, found.runs).items()
    assert group == found.summary["group"].iloc[0]
    assert settings["optim.lr"] == "chosen in each replication"
    assert settings["train.max_epochs"] == "20"


def test_what_one_experiment_says_stands_beside_what_one_in_print_said():
    def worse_by(offset):
        return lambda cell, params, noise: bowl(cell, params, noise) + (offset if cell == "lstm" else 0.0)

    def made(offset, n_times=6):
        parts = [
            replicated(cell, 3, n_times, loss=worse_by(offset), task_name="jsb_chorales") for cell in ("gru", "lstm")
        ]
        return compose(
            [record for _, records in parts for record in records], studies=[s for part, _ in parts for s in part]
        )

    found = section(made(0.2), "Had it been done once")
    rows = {row[1].text: [entry.text for entry in row] for row in found.table.rows}
    assert rows["test"][0] == "GRU 46 × 1 − LSTM 36 × 1"
    assert (rows["test"][2], rows["test"][3]) == ("Chung et al. 2014", "−0.13")
    assert rows["test"][4].startswith("−0.2")
    assert rows["test"][5] == "6 of 6"
    assert (
        "in print (Chung et al. 2014, Table 2) is GRU 46 × 1; here, of 6 experiments, GRU 46 × 1 in 6." in found.text[0]
    )
    found = section(made(-0.2), "Had it been done once")
    assert [row[5].text for row in found.table.rows if row[1].text == "test"] == ["0 of 6"]
    assert "LSTM 36 × 1 in 6." in found.text[0]
    assert section(made(0.2, n_times=5), "Had it been done once") is None  # too few for an interval
    assert section(compose(sweep(8, task=JSB)), "Had it been done once") is None  # no replications


def test_a_number_stands_beside_the_runs_that_differ_from_it_least():
    alike = [record(run("gru", seed, task=JSB, **CHUNG)) for seed in range(3)]
    better = [record(run("gru", seed, task=JSB, hidden_size=200)) for seed in range(3)]
    row = chung(frame([*better, *alike]))
    assert (row["hidden_size"], row["n"], row["printed"], row["published"]) == (46, 3, "8.54", 8.54)
    assert row["because"] == "outputs 96 (here 88); settings tried 10 (here 0); runs 1 (here 3)"
    assert row["comparable"] == "partly"


def test_runs_whose_first_steps_are_given_have_the_measure_of_those_who_score_no_first_step():
    rows = frame(sweep(2, ("gru", "tanh"), task={**JSB, "first_step": "given"}))
    boulanger = one(rows, paper="Boulanger-Lewandowski et al. 2012", cell="tanh", printed="8.71")
    assert "first step scored (here not scored)" in boulanger["because"]
    assert boulanger["comparable"] == "no"
    assert "first step" not in chung(rows)["because"]  # they do not say
    (bai,) = rows[(rows["paper"] == "Bai et al. 2018") & (rows["cell"] == "gru")].to_dict("records")
    assert "first step" not in bai["because"]
    assert bai["comparable"] == "partly"


def test_tuning_runs_are_the_settings_tried():
    tuned = [record(run("gru", seed, task=JSB, phase="tune", **CHUNG)) for seed in range(10)]
    confirmed = [record(run("gru", 20, task=JSB, **CHUNG))]
    assert chung(frame([*tuned, *confirmed]))["because"] == "outputs 96 (here 88)"


def test_ours_is_the_mean_on_the_split_of_the_number():
    records = sweep(3, ("gru",), task=JSB)
    rows = frame(records)
    train = [made.outcome.scores["train"]["nll"] for made in records]
    row = one(rows, paper="Chung et al. 2014", split="train")
    assert row["mean"] == pytest.approx(sum(train) / 3)
    assert row["published"] == 6.94


def test_without_a_score_on_its_split_the_split_is_a_difference():
    rows = frame([record(run("gru", seed, task=JSB, phase="tune")) for seed in range(2)])
    row = one(rows, paper="Chung et al. 2014", published=8.54)
    assert row["comparable"] == "no"
    assert "split test (here validation)" in row["because"]


def test_only_numbers_of_the_task_the_metric_and_the_cell_are_shown():
    rows = frame(sweep(2, ("gru",), task=JSB))
    allowed = {n.score for n in numbers() if (n.here, n.cell) == ("jsb_chorales", "GRU")}
    assert set(rows["published"]) == allowed
    assert frame(sweep(2, ("gru",), task=task("jsb_chorales", metric="perplexity"))).empty
    assert frame(sweep(2, ("gru",))).empty


def test_a_variant_that_is_none_of_the_cells_here_is_not_shown():
    rows = frame(sweep(2, ("lstm",), task=JSB))
    assert set(rows["variant"]) == {"", "V", "NP"}


def test_a_cell_is_known_by_its_kind_whatever_its_name():
    records = [record(run("gru", seed, task=JSB, cell={"name": "mine", "kind": "gru"})) for seed in range(2)]
    assert "Chung et al. 2014" in set(frame(records)["paper"])


def test_a_log_likelihood_is_shown_as_a_negative_one():
    row = one(frame(sweep(2, ("tanh",), task=JSB)), paper="Boulanger-Lewandowski et al. 2012", printed="8.71")
    assert (row["published"], row["confidence"], row["comparable"]) == (8.71, "memory-high", "no")


def test_the_section_states_n_intervals_confidence_and_reasons():
    part = section(compose(sweep(5, task=JSB), name="x"), "Beside the literature")
    assert part is not None
    assert part.table is not None
    assert part.chart is not None
    assert part.chart.caption.startswith("n = 5 runs per row")
    assert "interval of the mean" in part.chart.caption
    assert "Chung et al. 2014 8.54" in part.chart.alt
    cells, confidences, reasons = ([row[i].text for row in part.table.rows] for i in (0, 2, 6))
    assert cells == sorted(cells, key=["GRU 46 × 1", "LSTM 36 × 1", "tanh 100 × 1"].index)
    assert set(confidences) == {"verified", "memory-high"}
    assert all(reason.startswith(("yes: ", "partly: ", "no: ")) for reason in reasons)
    assert all(word in part.table.caption for word in ("memory-high", "memory-low", "interval"))


def test_the_figure_draws_every_seed_and_every_number_of_its_split():
    part = section(compose(sweep(5, task=JSB), name="x"), "Beside the literature")
    assert part is not None
    assert part.chart is not None
    data = part.chart.data
    assert (data["paper"] == "").sum() == 15
    shown = [
        n
        for n in numbers()
        if n.here == "jsb_chorales" and n.split == "test" and n.cell in ("GRU", *shipped()["tanh"]["published"])
    ]
    drawn = data[(data["paper"] != "") & (data["cell"] != "lstm")]
    assert sorted(drawn["score"]) == sorted(number.score for number in shown)


def at(gru: float, n: int = 8):
    """Records of a GRU as in Chung et al. 2014 whose test scores are 0.02 on either side of the one given."""
    runs = [run("gru", seed, task=JSB, **CHUNG) for seed in range(n)]
    return [record(made, scores=scores(made, gru - 0.05 + 0.02 * (-1) ** i)) for i, made in enumerate(runs)]


def test_a_number_agrees_where_one_more_run_would_be():
    near, far = chung(frame(at(8.55))), chung(frame(at(8.70)))
    assert (near["agrees"], far["agrees"]) == ("yes", "no")
    assert near["next_low"] < 8.54 < near["next_high"]
    assert far["next_low"] > 8.54
    assert chung(frame(at(8.70, n=5)))["agrees"] == ""


def test_numbers_of_another_measure_are_not_asked_whether_they_agree():
    rows = frame(at(8.55))
    assert set(rows.loc[rows["comparable"] == "no", "agrees"]) <= {""}


def test_disagreements_are_listed_with_what_is_declared_to_differ():
    part = section(compose(at(8.70), name="x"), "Published numbers that disagree with these runs")
    assert part is not None
    assert part.table is not None
    rows = {row[2].text: [entry.text for entry in row] for row in part.table.rows}
    assert rows["8.54"][0:2] == ["GRU 46 × 1", "test"]
    assert rows["8.54"][4] == "−0.160"
    assert rows["8.54"][6].startswith("outputs 96 (here 88); settings tried 10 (here 0)")


def test_without_numbers_of_the_same_measure_there_is_no_talk_of_disagreement():
    document = compose(sweep(2, task=JSB), name="x")
    assert section(document, "Published numbers that disagree with these runs") is None


def test_every_paper_shown_says_what_it_did():
    document = compose(sweep(2, task=JSB), name="x")
    part = section(document, "What these papers did")
    assert part is not None
    assert part.table is not None
    assert [row[0].text.split(",")[0] for row in part.table.rows] == [
        "Bai et al. 2018",
        "Boulanger-Lewandowski et al. 2012",
        "Chung et al. 2014",
        "Greff et al. 2017",
    ]


def test_a_task_that_is_not_in_print_has_no_such_section():
    document = compose(sweep(2), name="x")
    assert section(document, "Beside the literature") is None
    assert section(document, "What these papers did") is None


def test_runs_without_a_score_have_no_such_section():
    unscored = [record(run("gru", seed, task=JSB), scores={}, curve=(), baseline={}) for seed in range(2)]
    assert section(compose(unscored, name="x"), "Beside the literature") is None


def test_perplexity_in_print_is_shown_for_words():
    words = task("ptb_word", metric="perplexity", kind="language_model")
    rows = frame([record(run("lstm", seed, task=words)) for seed in range(2)])
    assert all(row["metric"] == "perplexity" and math.exp(3) < row["published"] < 200 for _, row in rows.iterrows())
    assert "Zaremba et al. 2014" in set(rows["paper"])
