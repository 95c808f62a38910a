"""Studies as frames and as a table: every trial counted once, nothing better than it was."""

from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest

from bench.core.settings.search_space import Dimension
from bench.report.sections.studies import space_in_words
from bench.results.frames import runs_frame
from bench.results.labels import cell_styles
from bench.results.study import Extension, TrialRecord
from bench.results.trial_frames import TRIAL, trials_frame, tuned_tasks
from tests.report.fabricated import cell, record
from tests.report.made import compose
from tests.report.tuned import HIDDEN, LR, bowl, replicated, study, together

ENDINGS = {2: "diverged", 3: "failed", 4: "timeout", 5: "pruned", 6: "infeasible", 7: "waiting"}


def frame(studies, records) -> pd.DataFrame:
    return trials_frame(studies, records, runs_frame(records), cell_styles(each.cell for each in studies))


def part(document, heading):
    (chapter,) = [chapter for chapter in document.chapters if chapter.title == "How the cells were tuned"]
    return next(section for section in chapter.sections if section.heading.startswith(heading))


def table(document) -> list[dict[str, str]]:
    found = part(document, "Studies").table
    return [dict(zip(found.headers, (entry.text for entry in row), strict=True)) for row in found.rows]


def test_a_row_says_what_became_of_a_trial_and_what_was_tried():
    made, records = study(n=4, space={"optim.lr": LR, "hidden_size": HIDDEN})
    row = frame([made], records).iloc[1]
    assert (row["study"], row["cell"], row["task"], row["number"]) == ("GRU", "gru", "made_up_music", 1)
    assert (row["task_version"], row["task_label"], row["state"], row["n_epochs"]) == (
        "1",
        "made_up_music",
        "done",
        20.0,
    )
    assert (row["optim.lr"], row["hidden_size"]) == (
        made.trials[1].params["optim.lr"],
        made.trials[1].params["hidden_size"],
    )
    assert row["score"] == row["counted"] == records[1].outcome.scores["validation"]["nll"]


def test_every_ending_has_its_state_and_counts_for_what_the_docstring_says():
    made, records = study(n=10, endings=ENDINGS)
    trials = frame([made], records)
    states = ["done", "done", "diverged", "failed", "failed", "pruned", "infeasible", "waiting", "done", "done"]
    assert trials["state"].tolist() == states
    assert trials["score"].notna().tolist() == [state == "done" for state in states]
    assert trials["counted"][2] == trials["score"].max()
    pruned = next(made for made in records if made.outcome.status == "pruned")
    assert trials["counted"][5] == min(point.validation_nats for point in pruned.outcome.curve)
    assert trials["counted"].isna().tolist() == [state in ("failed", "infeasible", "waiting") for state in states]


def test_a_diverged_trial_counts_as_the_worst_of_all_cells_of_its_task():
    worse = study("lstm", 4, loss=lambda cell, params, noise: 20.0 + noise)
    studies, records = together(study(n=4, endings={0: "diverged"}), worse)
    trials = frame(studies, records)
    assert trials["counted"][0] == trials["score"].max() > 18


def test_the_best_trial_is_done_and_the_earliest_of_equals():
    made, records = study(n=6, loss=lambda cell, params, noise: 8.0, endings={0: "pruned", 1: "diverged"})
    assert frame([made], records)["is_best"].tolist() == [False, False, True, False, False, False]


def test_the_order_of_studies_and_records_does_not_matter():
    studies, records = together(study("lstm", 5), study("gru", 5), study("gru", 5, task_name="another"))
    first, again = frame(studies, records), frame(studies[::-1], records[::-1])
    pd.testing.assert_frame_equal(first, again)
    assert first["study"].unique().tolist() == ["GRU", "LSTM"]


def test_two_studies_of_one_cell_are_told_apart_by_what_differs():
    studies, records = together(*(study(n=3, settings={"hidden_size": size}, seed=size) for size in (36, 64)))
    names = frame(studies, records)["study"].unique().tolist()
    assert names == ["GRU hidden_size=36, tune.seed=36", "GRU hidden_size=64, tune.seed=64"]


def test_studies_that_differ_in_the_cell_itself_are_told_apart_by_their_runs():
    made = []
    for bias in (0, 1):
        one, records = study("lstm", 2, key=f"bias{bias}".ljust(16, "0"))
        runs = [dataclasses.replace(each.run, cell=cell("lstm", forget_bias=bias)) for each in records]
        keys = [(run.key,) for run in runs]
        trials = tuple(dataclasses.replace(each, runs=key) for each, key in zip(one.trials, keys, strict=True))
        made.append((dataclasses.replace(one, trials=trials), [record(run) for run in runs]))
    studies, records = together(*made)
    names = frame(studies, records)["study"].unique().tolist()
    assert names == ["LSTM cell.forget_bias=0", "LSTM cell.forget_bias=1"]


def test_a_study_whose_runs_are_all_missing_is_still_there():
    made, _ = study(n=3)
    (tuned,) = tuned_tasks([made], frame([made], []))
    assert tuned.trials["state"].tolist() == ["waiting"] * 3
    assert tuned.label == "made_up_music"


def test_the_table_counts_the_trials_by_state_and_names_the_best():
    made, records = study(n=10, endings=ENDINGS)
    (row,) = table(compose(records, name="x", studies=[made]))
    assert row["Outcomes"] == "4 done, 1 pruned, 1 diverged, 2 failed, 1 infeasible, 1 waiting"
    best = frame([made], records).query("is_best").iloc[0]
    assert row["Best trial"] == str(best["number"])
    assert row["Its settings"] == f"optim.lr {best['optim.lr']:.4g}"
    assert row["Its validation score"] == f"{best['score']:.4g}"
    text = " ".join(part(compose(records, name="x", studies=[made]), "Studies").text)
    assert "1 trial is not over yet" in text


def test_epochs_are_those_trained_and_those_that_pruning_left_out():
    made, records = study(n=10, endings={5: "pruned", 6: "pruned"})
    (row,) = table(compose(records, name="x", studies=[made]))
    assert (row["Epochs trained"], row["Epochs saved by pruning"]) == (str(8 * 20 + 2 * 4), str(2 * (20 - 4)))


def test_epochs_saved_are_unknown_where_a_run_has_no_limit_of_epochs():
    made, records = study(n=3, endings={1: "pruned"})
    run = dataclasses.replace(records[1].run, train=dataclasses.replace(records[1].run.train, max_epochs=0))
    endless = dataclasses.replace(records[1], run=run)
    trials = frame([made], [records[0], endless, records[2]])
    assert math.isnan(trials["epochs_saved"][1])
    (row,) = table(compose([records[0], endless, records[2]], name="x", studies=[made]))
    assert row["Epochs saved by pruning"] == "–"


def test_a_study_without_a_done_trial_has_no_best():
    made, records = study(n=2, endings={0: "failed", 1: "diverged"})
    (row,) = table(compose(records, name="x", studies=[made]))
    assert (row["Best trial"], row["Its settings"], row["Its validation score"]) == ("–", "–", "–")


def test_what_all_studies_have_in_common_is_said_once():
    pruner = {"name": "median", "n_startup_trials": 5}
    studies, records = together(*(study(name, 3, pruner=pruner) for name in ("gru", "lstm")))
    found = part(compose(records, name="x", studies=studies), "Studies")
    assert {"Sampler", "Pruner", "Space"}.isdisjoint(found.table.headers)
    assert "Sampler: random search. Pruner: median (n_startup_trials 5)." in found.table.caption
    assert "Space: optim.lr 1e-05 to 0.1 (log)." in found.table.caption
    assert "2 studies with the same budget, space, sampler and pruner." in found.text


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"n_trials": 99}, "budget"),
        ({"sampler": {"name": "tpe"}}, "sampler"),
        ({"pruner": {"name": "median"}}, "pruner"),
        ({"space": {"optim.lr": Dimension(low=1e-4, high=1e-2, log=True)}}, "space"),
    ],
)
def test_an_unequal_tuning_is_said_to_be_unfair(changes, what):
    studies, records = together(study("gru", 3), study("lstm", 3, **changes))
    text = " ".join(part(compose(records, name="x", studies=studies), "Studies").text)
    assert f"The studies differ in {what}, so a comparison of their cells is not fair to each." in text


def rising(cell, params, noise):
    """The larger the rate the better."""
    return 8 - math.log10(params["optim.lr"])


def test_a_best_trial_at_an_edge_is_warned_of():
    made, records = study(n=12, loss=rising)
    document = compose(records, name="x", studies=[made])
    assert (
        "Warning: the best optim.lr of the GRU is the largest drawn: the optimum may lie beyond the space "
        "(optim.lr 1e-05 to 0.1 (log))."
    ) in part(document, "Studies").text
    (row,) = table(document)
    assert "At the edge" not in row  # of one study it is said once
    both, records = together((made, records), study("lstm", 12))
    rows = table(compose(records, name="x", studies=both))
    assert [row["At the edge"] for row in rows] == ["optim.lr (the largest drawn)", "none"]


def test_a_best_trial_inside_its_space_is_said_to_be_inside():
    made, records = study(n=12)
    assert (
        "No best trial has the largest or the smallest value drawn of a setting, or lies within 5 % of an end of its "
        "range where it could go further."
    ) in part(compose(records, name="x", studies=[made]), "Studies").text


def test_what_was_widened_and_why_is_said_once_for_all_cells():
    wider = Extension("optim.lr", "upper", 0.1, 10.0, ("lstm",), 8, 4)
    studies, records = together(*(study(name, 12, n_trials=8) for name in ("gru", "lstm")))
    document = compose(records, name="x", studies=[each.with_extension(wider) for each in studies])
    said = (
        "optim.lr was widened to [1e-05, 10] for every cell, by 4 trials of each study in the new part, as the best of "
        "LSTM lay at its upper end."
    )
    assert said in part(document, "Studies").text
    assert [row["Trials"] for row in table(document)] == ["12", "12"]
    assert sum(said in text for chapter in document.chapters for each in chapter.sections for text in each.text) == 2
    assert "optim.lr 1e-05 to 10 (log)" in part(document, "Studies").table.caption


def test_a_space_is_put_in_words():
    space = {
        "optim.lr": LR,
        "hidden_size": HIDDEN,
        "train.dropout": Dimension(low=0.0, high=0.5, step=0.1),
        "num_layers": Dimension(choices=(1, 2)),
        "optim.nesterov": Dimension(choices=(True, False)),
    }
    made = dataclasses.replace(study(n=1)[0], space=space)
    assert space_in_words(made) == (
        "optim.lr 1e-05 to 0.1 (log); hidden_size 20 to 200 (log, whole); train.dropout 0 to 0.5 (steps of 0.1); "
        "num_layers one of 1, 2; optim.nesterov one of true, false"
    )


def test_a_trial_of_several_seeds_is_one_row_with_their_mean():
    made, records = study(n=2, seeds_per_trial=2)
    pair = TrialRecord(0, made.trials[0].params, (records[0].key, records[1].key))
    both = dataclasses.replace(made, trials=(pair,))
    (score,) = frame([both], records)["score"]
    assert score == pytest.approx(sum(each.outcome.scores["validation"]["nll"] for each in records) / 2, rel=1e-12)


def test_the_replications_of_a_search_have_one_name_and_a_best_trial_each():
    both = [replicated(name, 4, 3) for name in ("gru", "lstm")]
    studies = [made for each, _ in both for made in each]
    records = [one for _, each in both for one in each]
    trials = frame(studies[::-1], records[::-1])
    assert trials.groupby("study").size().to_dict() == {"GRU": 12, "LSTM": 12}
    assert trials.groupby(["study", "replication"])["is_best"].sum().tolist() == [1] * 6
    assert not trials.duplicated(["study", *TRIAL]).any()
    (tuned,) = tuned_tasks(studies, trials)
    assert {name: len(found) for name, found in tuned.replications.items()} == {"GRU": 3, "LSTM": 3}
    assert [(name, made.replication) for name, made, _ in tuned.best] == [
        (name, number) for name in ("GRU", "LSTM") for number in (1, 2, 3)
    ]
    assert all(trial in made.trials for _, made, trial in tuned.best)


def test_the_table_has_one_row_for_a_replicated_search_with_what_its_replications_chose():
    studies, records = replicated("gru", 4, 3)
    document = compose(records, name="x", studies=studies)
    (row,) = table(document)
    assert (row["Study"], row["Trials"], row["Outcomes"], row["Best trial"]) == (
        "GRU",
        "3 × 4",
        "12 done",
        "3, one each",
    )
    rates = sorted(trials["optim.lr"] for trials in frame(studies, records).query("is_best").to_dict("records"))
    assert row["Its settings"] == f"optim.lr {rates[1]:.4g} ({rates[0]:.4g} to {rates[2]:.4g})"
    caption = part(document, "Studies").table.caption
    assert "Sampler: a lattice shifted at random." in caption
    assert "n × k: n replications of k trials" in caption


def test_of_replications_more_than_half_have_to_be_at_an_edge():
    studies, records = replicated("gru", 12, 3, loss=rising)
    text = part(compose(records, name="x", studies=studies), "Studies").text
    assert any("the best optim.lr of the GRU is the largest drawn in 3 of 3 replications" in each for each in text)
    inside, others = replicated("gru", 12, 3)
    text = part(compose(others, name="x", studies=inside), "Studies").text
    assert any("where it could go further, in more than half of the replications." in each for each in text)


def test_choices_of_replications_are_counted():
    space = {"optim.lr": LR, "optim.nesterov": Dimension(choices=(True, False))}
    studies, records = replicated("gru", 6, 3, space=space)
    (row,) = table(compose(records, name="x", studies=studies))
    assert row["Its settings"].count("of 3)") in (1, 2)
    assert "optim.nesterov" in row["Its settings"]


def test_searches_that_are_carried_out_unequally_often_are_said_to_be_unfair():
    both = [replicated("gru", 3, 2), replicated("lstm", 3, 3)]
    studies, records = [s for each, _ in both for s in each], [r for _, each in both for r in each]
    text = " ".join(part(compose(records, name="x", studies=studies), "Studies").text)
    assert "The studies differ in number of replications" in text


def test_an_unfinished_replication_is_counted_as_missing():
    studies, records = replicated("gru", 4, 3, loss=bowl)
    short = [*studies[:2], dataclasses.replace(studies[2], trials=studies[2].trials[:1])]
    (row,) = table(compose(records, name="x", studies=short))
    assert row["Trials"] == "9 of 3 × 4"
