"""The chapter on tuning: what it draws, what it says of budgets and of importance, and when it is silent."""

from __future__ import annotations

import csv
import dataclasses
import io
import math
import random

import numpy as np
import pytest

from bench.claims import importance, shares
from bench.claims.importance import Share
from bench.core.interval import Interval
from bench.core.settings import SizeSettings
from bench.core.settings.search_space import Dimension
from bench.report.document import tuning
from bench.report.figures import style
from bench.report.formats.exports import csv_text
from bench.report.formats.page import charts
from bench.report.sections.best_of_k import lead
from bench.report.sections.cell_importance import comparisons
from bench.results.frames import runs_frame
from bench.results.labels import cell_styles
from bench.results.trial_frames import trials_frame, tuned_tasks
from tests.report.fabricated import sweep
from tests.report.formats.test_page import CANARY, FORMULA, Page, contents
from tests.report.made import build, compose
from tests.report.tuned import HIDDEN, LR, bowl, replicated, study, together

TITLE = "How the cells were tuned"

CELLS, COUNTS = ("gru", "lstm"), ("recurrent", "total")


@pytest.fixture
def quick(monkeypatch):
    """Few resamples: for what does not depend on how wide an interval is."""
    monkeypatch.setattr(importance, "N_DECOYS", 2)
    monkeypatch.setattr(shares, "N_RESAMPLES", 2)


def chapters(studies, records):
    looks = cell_styles(each.cell for each in studies)
    tasks = tuned_tasks(studies, trials_frame(studies, records, runs_frame(records), looks))
    return tuning(tasks, {record.key: record for record in records}, looks)


def chapter(studies, records):
    (found,) = chapters(studies, records)
    assert found.title == TITLE
    return found


def section(found, heading):
    return next(part for part in found.sections if part.heading.startswith(heading))


def part(studies, records, heading):
    return section(chapter(studies, records), heading)


def words(studies, records, heading):
    return " ".join(part(studies, records, heading).text)


def test_without_studies_there_is_no_chapter():
    document = compose(sweep(2), name="x")
    assert TITLE not in [found.title for found in document.chapters]
    assert not any("Study" in term for term, _ in document.guide)


def test_the_guide_says_what_a_trial_and_a_share_are():
    studies, records = together(study(n=3))
    terms = [term for term, _ in compose(records, name="x", studies=studies).guide]
    assert terms[-2:] == ["Study, trial", "Share of a setting"]


def test_a_study_without_a_trial_makes_no_chapter():
    made, _ = study(n=0)
    assert TITLE not in [found.title for found in compose(sweep(2), name="x", studies=[made]).chapters]


def test_the_chapter_comes_after_the_tasks_and_before_how_the_report_was_made():
    studies, records = together(study(n=3))
    titles = [found.title for found in compose([*records, *sweep(2)], name="x", studies=studies).chapters]
    assert titles[-2:] == [TITLE, "How this was made"]


def test_each_task_has_its_chapter_which_names_it_where_there_are_several():
    titles = [found.title for found in chapters(*together(study(n=3), study(n=3, task_name="another")))]
    assert titles == [f"{TITLE}: another", f"{TITLE}: made_up_music"]
    assert chapter(*together(study(n=3))).sections[0].heading == "Studies"


def test_studies_for_other_sizes_are_not_compared():
    sized = [study(name, n=3, size=SizeSettings("params", 18_000, count)) for name in CELLS for count in COUNTS]
    found = chapters(*together(*sized))
    assert [each.title for each in found] == [
        f"{TITLE}: made_up_music, sizes for 18,000 parameters in all",
        f"{TITLE}: made_up_music, sizes for 18,000 parameters in the recurrent layers",
    ]
    for each in found:
        assert [row[0].text for row in each.sections[0].table.rows] == ["GRU", "LSTM"]
        assert each.sections[0].text[0].startswith("2 studies with the same budget")
    stems = [part.chart.name for each in found for part in each.sections if part.chart is not None]
    assert len(set(stems)) == len(stems) == 4


def test_every_chart_states_n_and_has_alternative_text_and_data(quick):
    space = {"optim.lr": LR, "hidden_size": HIDDEN}
    studies, records = together(*(study(name, 22, space=space, endings={4: "diverged"}) for name in ("gru", "lstm")))
    found = [section.chart for section in chapter(studies, records).sections if section.chart is not None]
    assert [chart.name.rsplit("-", 1)[1] for chart in found] == ["tuning", "budget", "settings", "importance"]
    for chart in found:
        assert chart.caption.startswith("n = 22 ") or chart.caption.startswith("n = 44 ")
        assert len(chart.alt) > 40
        assert len(chart.data) > 0
    assert {"optim.lr", "hidden_size", "state", "counted"} <= set(found[0].data.columns)


def test_the_best_so_far_never_gets_worse_and_ends_at_the_best():
    studies, records = together(study(n=12, endings={0: "diverged", 5: "failed"}))
    data = part(studies, records, "Best score so far").chart.data
    assert math.isnan(data["best_so_far"][0])
    assert (np.diff(data["best_so_far"][1:]) <= 0).all()
    assert data["best_so_far"].iloc[-1] == data["score"].min()


def test_without_a_done_trial_there_is_nothing_to_draw():
    studies, records = together(study(n=3, endings={0: "failed", 1: "failed", 2: "failed"}))
    assert words(studies, records, "Best score so far") == "No trial is done yet, so there is no score to show."
    assert part(studies, records, "Expected best").chart is None


def crossing(cell: str, params, noise: float) -> float:
    """The LSTM does better at its best, and far worse everywhere else."""
    place = math.log10(params["optim.lr"]) + 3
    return (8.5 + 0.1 * place**2 if cell == "gru" else 8.4 + 1.5 * place**2) + 0.001 * noise


def test_the_budget_at_which_two_cells_cross_is_said():
    studies, records = together(*(study(name, 18, loss=crossing) for name in ("gru", "lstm")))
    found = part(studies, records, "Expected best")
    curves = {name: rows["expected_best"].to_numpy() for name, rows in found.chart.data.groupby("cell")}
    last = int((curves["gru"] < curves["lstm"]).sum())
    assert 1 <= last < 17
    expected = f"GRU is ahead {'at 1 trial' if last == 1 else f'up to {last} trials'}, LSTM from {last + 1} on."
    assert expected in words(studies, records, "Expected best")


def test_cells_that_do_not_cross_are_said_not_to_cross():
    offset = {"gru": 0.0, "lstm": 0.5}
    studies, records = together(
        *(study(name, 18, loss=lambda cell, params, z: bowl(cell, params, z) + offset[cell]) for name in offset)
    )
    text = words(studies, records, "Expected best")
    assert "GRU is ahead of LSTM at every number of trials up to 18: they do not cross." in text
    assert "The difference is more than chance explains at 1 to " in text


def test_equal_cells_are_not_told_apart():
    studies, records = together(study("gru", 10), study("tanh", 10))
    assert "The difference is nowhere more than chance explains." in words(studies, records, "Expected best")


def test_studies_over_other_spaces_are_compared_without_a_test():
    other = {"optim.lr": Dimension(low=1e-4, high=1e-2, log=True)}
    studies, records = together(study("gru", 10), study("lstm", 10, space=other))
    assert "did not try the same settings" in words(studies, records, "Expected best")


def test_the_expected_best_is_of_random_search_alone():
    studies, records = together(study(n=10, sampler={"name": "tpe"}))
    assert "trials drawn independently" in words(studies, records, "Expected best")


def test_what_trials_without_a_score_count_for_is_said_in_the_caption():
    endings = {1: "diverged", 2: "pruned", 3: "failed", 4: "infeasible"}
    studies, records = together(study(n=12, endings=endings))
    caption = part(studies, records, "Expected best").chart.caption
    assert caption.startswith("n = 10 draws per study (1 diverged count as the worst score of any; 1 pruned count as")
    assert "no draw: 1 failed and 1 infeasible" in caption


@pytest.mark.parametrize(
    ("signs", "sentence"),
    [
        ([1, -1, -1], "Of A and B, A is ahead at 1 trial, B from 2 on."),
        ([1, 1, -1, -1, 1], "Of A and B, A is ahead up to 2 trials, B from 3 to 4, A from 5 on."),
        ([1, 1, -1, 1], "Of A and B, A is ahead up to 2 trials, B from 3, A from 4 on."),
        ([-1, -1], "B is ahead of A at every number of trials up to 2: they do not cross."),
        ([0, 0], "A and B have the same curve."),
        ([1, 0], "Of A and B, A is ahead at 1 trial, neither from 2 on."),
    ],
)
def test_who_is_ahead_is_said_for_every_number_of_trials(signs, sentence):
    assert lead(("A", "B"), signs) == sentence


def test_a_learning_rate_that_decides_everything_is_said_to(monkeypatch):
    monkeypatch.setattr(shares, "N_RESAMPLES", 20)
    space = {"optim.lr": LR, "hidden_size": HIDDEN}
    found = chapter(*together(*(study(name, 20, space=space) for name in ("gru", "lstm"))))
    data = section(found, "What mattered within").chart.data
    found_shares = data[data["measure"] == "fanova"].set_index(["of", "setting"])["share"]
    assert found_shares["GRU", "optim.lr"] > 0.9
    assert found_shares["LSTM", "optim.lr"] > 0.9
    text = " ".join(section(found, "What mattered more").text)
    assert "optim.lr matters more than the cell: optim.lr has the larger share in 20 of 20 resamples." in text
    assert "Whether hidden_size or the cell matters more cannot be told" in text


def test_a_cell_that_decides_everything_is_said_to(monkeypatch):
    monkeypatch.setattr(shares, "N_RESAMPLES", 20)
    level = {"gru": 8.0, "lstm": 9.0}
    made = [study(name, 20, loss=lambda cell, params, noise: level[cell] + 0.05 * noise) for name in level]
    found = chapter(*together(*made))
    across = section(found, "What mattered more")
    assert across.chart.data.set_index(["measure", "setting"])["share"]["fanova", "cell"] > 0.9
    assert "The cell matters more than optim.lr: optim.lr has the larger share in 0 of 20" in " ".join(across.text)
    assert not [part for part in found.sections if part.heading.startswith("What mattered within")]


def share(mean: float, chance: float, resampled: tuple[float, ...]) -> Share:
    return Share(Interval(mean, mean, mean, 30, "none"), chance, resampled)


@pytest.mark.parametrize(
    ("setting", "cell", "verdict"),
    [
        (share(0.9, 0.1, (0.9,) * 50), share(0.1, 0.2, (0.1,) * 50), "a matters more than the cell"),
        (share(0.1, 0.2, (0.1,) * 50), share(0.9, 0.1, (0.9,) * 50), "The cell matters more than a"),
        (share(0.9, 0.95, (0.9,) * 50), share(0.1, 0.2, (0.1,) * 50), "Whether a or the cell matters more cannot be"),
        (share(0.5, 0.1, (0.9,) * 48 + (0.0,) * 2), share(0.1, 0.2, (0.1,) * 50), "Whether a or the cell"),
    ],
)
def test_one_factor_matters_more_where_it_is_above_chance_and_above_the_other_in_nearly_all_resamples(
    setting, cell, verdict
):
    (sentence,) = comparisons({"a": setting, "cell": cell})
    assert sentence.startswith(verdict)


def test_with_few_finished_trials_nothing_is_said_of_importance():
    space = {"optim.lr": LR, "hidden_size": HIDDEN}
    endings = dict.fromkeys(range(3), "failed")
    found = chapter(*together(*(study(name, 22, space=space, endings=endings) for name in ("gru", "lstm"))))
    sentence = "Not computed with fewer than 20 finished trials of a study: GRU (19) and LSTM (19)."
    for heading in ("What mattered within", "What mattered more"):
        assert section(found, heading).text == (sentence,)
        assert section(found, heading).chart is None


def test_one_cell_alone_is_not_weighed_against_its_settings():
    studies, records = together(study(n=3))
    assert not any("What mattered more" in found.heading for found in chapter(studies, records).sections)


def test_settings_that_differ_between_studies_of_every_cell_are_factors_too(quick):
    made = [
        study(name, 20, settings={"hidden_size": size}, key=f"{name}{size}".ljust(16, "0"))
        for name in ("gru", "lstm")
        for size in (36, 64)
    ]
    data = part(*together(*made), "What mattered more").chart.data
    assert set(data["setting"]) == {"optim.lr", "hidden_size", "cell"}
    made[3] = study("lstm", 20, settings={"hidden_size": 99}, key="lstm99".ljust(16, "0"))
    data = part(*together(*made), "What mattered more").chart.data
    assert set(data["setting"]) == {"optim.lr", "cell"}


def test_a_setting_that_not_all_cells_search_is_left_out_and_named(quick):
    both = {"optim.lr": LR, "train.dropout": Dimension(low=0.0, high=0.5)}
    studies, records = together(study("gru", 20), study("lstm", 20, space=both))
    text = words(studies, records, "What mattered more")
    assert "Left out, as not all studies searched it in one range: train.dropout." in text


def test_without_a_setting_in_common_nothing_is_weighed():
    other = {"optim.lr": Dimension(low=1e-4, high=1e-2, log=True)}
    studies, records = together(study("gru", 20), study("lstm", 20, space=other))
    assert "no setting was searched in one range by all (optim.lr)" in words(studies, records, "What mattered more")


def test_a_sampler_that_learns_is_confessed(quick):
    studies, records = together(*(study(name, 20, sampler={"name": "tpe"}) for name in ("gru", "lstm")))
    assert "The sampler (tpe) goes where scores are good" in words(studies, records, "What mattered more")


def test_a_perplexity_enters_by_its_logarithm(quick):
    def squashed(cell, params, noise):
        return math.exp(bowl(cell, params, noise))

    made = [
        together(*(study(n, 20, loss=loss, metric=m) for n in ("gru", "lstm")))
        for loss, m in ((bowl, "nll"), (squashed, "perplexity"))
    ]
    found = [part(*each, "What mattered more").chart.data["share"] for each in made]
    # the seeds are the same, and exp and log undo each other to the last bits
    assert found[0].to_numpy() == pytest.approx(found[1].to_numpy(), rel=1e-6)


def test_the_same_studies_give_the_same_bytes(tmp_path, quick, monkeypatch):
    monkeypatch.setattr(style, "DOTS_PER_INCH", 50)
    space = {"optim.lr": LR, "hidden_size": HIDDEN}
    studies, records = together(*(study(name, 21, space=space, endings={1: "pruned"}) for name in ("gru", "lstm")))
    build(records, tmp_path / "one", name="x", studies=studies)
    build(random.Random(1).sample(records, len(records)), tmp_path / "two", name="x", studies=studies[::-1])
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_no_header_of_a_download_starts_a_formula():
    made, records = study(n=3)
    hostile = dataclasses.replace(made, space={FORMULA: Dimension(choices=(1, 2))})
    data = part([hostile], records, "Best score so far").chart.data
    assert FORMULA in data.columns
    assert not any(name.startswith("=") for name in next(csv.reader(io.StringIO(csv_text(data)))))


def test_names_in_a_study_are_shown_as_text_and_never_as_a_path(tmp_path):
    made, records = study(n=4)
    hostile = dataclasses.replace(
        made,
        label=CANARY,
        sampler={"name": "random", "note": CANARY},
        pruner={"name": CANARY},
        space={CANARY: Dimension(choices=(CANARY, "../../x"))},
        trials=tuple(dataclasses.replace(trial, params={CANARY: CANARY}) for trial in made.trials),
    )
    path = build(records, tmp_path / "in", name="x", studies=[hostile])
    page = Page(path.read_text())
    assert len(page.all("script")) == 1
    assert "<script>alert(1)</script>" in page.text
    assert [found.name for found in tmp_path.iterdir()] == ["in"]


def test_the_page_has_every_figure_with_its_data_to_download(tmp_path):
    studies, records = together(study(n=5), study("lstm", 5))
    page = Page(build(records, tmp_path, name="x", studies=studies).read_text())
    names = [image["id"] for image in page.all("svg") if "id" in image]
    assert {name.rsplit("-", 1)[1] for name in names} >= {"tuning", "budget"}
    downloads = {anchor["download"] for anchor in page.all("a") if "download" in anchor}
    assert {f"{name}.csv" for name in names} <= downloads
    assert len(charts(compose(records, name="x", studies=studies))) == len(names)


def twice(n=4, n_times=6, **fields):
    """Replications of two cells."""
    both = [replicated(name, n, n_times, **fields) for name in CELLS]
    return [made for each, _ in both for made in each], [one for _, each in both for one in each]


def test_replications_are_one_curve_the_mean_of_theirs():
    studies, records = twice(4, 3)
    found = part(studies, records, "Best score so far").chart
    assert [text.get_text() for text in found.figure.legends[0].get_texts()] == ["GRU", "LSTM"]
    assert "n = 4 trials per replication" in found.caption
    data = found.data[found.data["study"] == "GRU"]
    wanted = data.pivot(index="replication", columns="number", values="score").cummin(axis=1).mean().iloc[-1]
    assert f"GRU {wanted:.4g} after 4 trials" in found.alt
    (axes,) = found.figure.axes
    assert sum(len(points.get_offsets()) for points in axes.collections) == len(records) - 6


def test_the_expected_best_draws_from_the_trials_of_all_replications():
    studies, records = twice(4, 3)
    found = part(studies, records, "Expected best of k trials")
    assert set(found.chart.data["n"]) == {12}
    assert "The trials of all replications are drawn from together" in " ".join(found.text)
    assert "not tested" not in " ".join(found.text)
    once, trials = together(*(study(name, 12, sampler={"name": "qmc", "sequence": "lattice"}) for name in CELLS))
    assert words(once, trials, "Expected best of k trials").startswith("Not computed: it needs trials drawn")


def test_importance_takes_the_trials_of_all_replications_each_a_block_with_its_pair(quick, monkeypatch):
    seen = []
    given = shares.importance

    def spied(*parts, **named):
        seen.append(named["blocks"])
        return given(*parts, **named)

    monkeypatch.setattr(shares, "importance", spied)
    studies, records = twice(5, 4)
    found = part(studies, records, "What mattered more")
    assert set(found.chart.data["n"]) == {40}
    assert set(found.chart.data["setting"]) == {"optim.lr", "cell"}
    assert all(len(set(blocks)) == 20 and len(blocks) == 40 for blocks in seen)


def test_a_report_of_replications_calls_them_that_and_counts_no_seeds():
    studies, records = twice(3, 6)
    document = compose(records, name="x", studies=studies)
    assert list(document.summary["n"]) == [6, 6]
    assert set(document.summary["repeat"]) == {"replication"}
    assert set(document.summary["chosen_by"]) == {"replications"}
    (answer,) = document.answers
    said = " ".join(answer.sentences)
    assert "n = 6 replications" in said
    assert "Over 6 paired replications" in said
    assert "seed" not in said
    assert "one run per replication" in document.scores.table.caption
    assert "with the same budget: 6 × 3 tuning runs each." in " ".join(document.scores.text)
    assert "Replication, n" in dict(document.guide)
    captions = " ".join(chart.caption for chart in charts(document))
    assert "each point one replication" in captions
    assert "one seed" not in captions


def test_methods_say_what_varies_between_replications_and_what_each_chose():
    studies, records = twice(3, 6)
    text = " ".join(compose(records, name="x", studies=studies).methods)
    assert "in 6 replications of 3 trials of 1 seed" in text
    assert "other draws, other seeds of the trials" in text
    assert "Trials of one number in one replication had the same settings in each study." in text
    assert "The best trials, one of each replication, had (median and range) optim.lr" in text
    assert "these runs alone are scored here, from 6 replications for each cell" in text
    assert "The unit is the replication" in text
    assert "Means over replications have" in text
    assert "The learning rate was as each replication chose it" in text


def test_a_confirmation_of_what_is_no_longer_the_best_is_left_out_and_said():
    studies, records = twice(3, 6)
    best = next(made for made in records if made.run.phase == "confirm")
    other = next(
        made
        for made in records
        if (made.run.cell_name, made.run.phase) == ("gru", "tune")
        and made.run.seed == best.run.seed - 1000
        and made.run.optim != best.run.optim
    )
    late = dataclasses.replace(best, run=dataclasses.replace(best.run, optim=other.run.optim))
    document = compose([*records, dataclasses.replace(late, key=late.run.key)], name="x", studies=studies)
    assert list(document.summary["n"]) == [6, 6]
    assert any("the replication has since found a better trial" in note for note in document.notes)
