"""`gatebench.load`: each number is that of a record, what a report writes is the same, and mistakes are one message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import gatebench
import numpy as np
import pandas as pd
import pytest

from bench import results
from bench.core.errors import DataError, UsageError
from bench.report.formats.write import build
from bench.report.inputs import read_inputs
from tests.report.fabricated import record, run, sweep
from tests.report.tuned import replicated

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "results" / "jozefowicz2015_dropout"


@pytest.fixture(scope="module")
def loaded():
    return gatebench.load(FOLDER)


@pytest.fixture(scope="module")
def records():
    return {each.key: each for each in results.read(FOLDER).records}


def score(made, split):
    """Return what a record says of a split, nan where it diverged."""
    return made.outcome.scores.get(split, {}).get("nll", np.nan)


def test_a_run_is_a_row_with_the_numbers_of_its_record(loaded, records):
    rows = loaded.runs.set_index("key")
    assert set(rows.index) == set(records)
    for key, row in zip(rows.index, rows.to_dict("records"), strict=True):
        settings, outcome, cost = records[key].run, records[key].outcome, records[key].cost
        assert (row["task"], row["cell"], row["hidden_size"]) == (
            settings.task_name,
            settings.cell_name,
            settings.hidden_size,
        )
        assert (row["optim.lr"], row["train.output_dropout"]) == (settings.optim.lr, settings.train.output_dropout)
        assert (row["status"], row["n_updates"]) == (outcome.status, outcome.n_updates)
        assert np.array_equal(row["validation"], score(records[key], "validation"), equal_nan=True)
        assert np.array_equal(row["test"], score(records[key], "test"), equal_nan=True)
        assert np.isnan(row["test"]) or settings.phase == "confirm"
        assert row["num_params_total"] == outcome.num_params["total"]
        assert row["seconds"] == cost.seconds


def test_a_trial_is_a_row_with_its_settings_its_replication_and_the_score_of_its_run(loaded, records):
    studies = {study.key: study for study in results.read_studies(FOLDER).records}
    assert len(loaded.trials) == sum(len(study.trials) for study in studies.values())
    for row in loaded.trials.to_dict("records"):
        study = studies[row["study_key"]]
        trial = study.trials[row["number"]]
        assert (row["replication"], row["optim.lr"]) == (study.replication, trial.params["optim.lr"])
        assert row["train.output_dropout"] == study.settings["train"]["output_dropout"]
        (key,) = trial.runs
        assert (row["runs"], row["state"]) == (key, records[key].outcome.status)
        assert np.array_equal(row["score"], score(records[key], "validation"), equal_nan=True)


def test_an_evaluation_is_a_row_in_the_metric_of_the_task(loaded, records):
    assert len(loaded.curves) == sum(len(each.outcome.curve) for each in records.values())
    for key in list(records)[::60]:
        points = loaded.curves[loaded.curves["key"] == key].to_dict("records")
        for row, point in zip(points, records[key].outcome.curve, strict=True):
            assert (row["update"], row["validation"], row["train"]) == (
                point.update,
                point.validation_nats,
                point.train_nats,
            )
            assert (row["lr"], row["optim.lr"]) == (point.lr, records[key].run.optim.lr)


def test_a_confirmed_run_is_found_beside_the_trial_that_it_trains_again(loaded):
    confirmed = loaded.runs[loaded.runs["phase"] == "confirm"]
    best = loaded.trials[loaded.trials["is_best"]]
    joined = confirmed.merge(best, left_on=["study_key", "trial"], right_on=["study_key", "number"])
    assert len(joined) == len(confirmed) == len(best) == 64
    assert (joined["optim.lr_x"] == joined["optim.lr_y"]).all()
    assert sorted(confirmed["replication"].unique()) == [*range(1, 9)]


def test_a_card_is_a_row_whichever_claims_read_it_and_a_claim_is_read_off_one(loaded):
    cards, claims = loaded.cards, loaded.claims
    rule = ["size_mode", "size_count", "budget_low", "budget_high", "over", "data", "pairs", "threshold"]
    assert not cards.duplicated(["task", "left", "right", "metric", *rule]).any()
    tested = claims[claims["verdict"] != "not tested"]
    assert len(tested) > 10
    for claim in tested.to_dict("records"):
        named = cards["claims"].str.split().map(lambda names, name=claim["claim"]: name in names)
        own = cards[named & (cards["task"] == claim["task"])]
        (card,) = own[own["mean"].abs() == abs(claim["mean"])].to_dict("records")
        assert card["n"] == claim["n"]
        assert card["confidence"] == claim["confidence"]
    assert claims.loc[claims["verdict"] == "not tested", ["mean", "n"]].isna().all(axis=None)


def test_the_sides_of_a_card_stand_as_its_means_and_its_difference_do(loaded):
    pairs = loaded.cards.query("not is_ratio and over == ''")
    assert len(pairs) > 10
    differences = (pairs["left_mean"] - pairs["right_mean"]).tolist()
    assert differences == pytest.approx(pairs["mean"].tolist(), abs=1e-6)
    lower = pairs["mean"] < pairs["no_effect"]
    left = pairs["outcome"].str.startswith("left")
    is_better = (left == lower).where(pairs["better"] == "lower", left != lower)
    assert is_better[left | pairs["outcome"].str.startswith("right")].all()


@pytest.fixture
def folder(tmp_path):
    studies, made = replicated("gru", 3, 2)
    for each in [*made, *sweep(2, ("lstm",))]:
        results.write(tmp_path / "a", each)
    for study in studies:
        results.write_study(tmp_path / "a", study.key, study)
    return tmp_path / "a"


def test_the_tables_that_a_report_writes_are_these_frames_to_ten_digits(folder):
    build(read_inputs(folder), folder)
    found = gatebench.load(folder)
    assert not found.trials.empty
    for name in ("runs", "trials", "curves"):
        frame, written = getattr(found, name), pd.read_csv(folder / "report" / f"{name}.csv")
        assert list(written) == list(frame)
        for column in frame.select_dtypes("number"):
            has, wanted = written[column].astype(float), frame[column].astype(float)
            np.testing.assert_allclose(has, wanted, rtol=1e-9, equal_nan=True, err_msg=column)
        assert written["cell"].tolist() == frame["cell"].tolist()
    assert {"optim.lr", "trial"} <= set(pd.read_csv(folder / "report" / "runs.csv"))


def test_a_frame_is_computed_once_and_what_is_read_is_said(folder):
    found = gatebench.load(str(folder))
    assert found.runs is found.runs
    assert found.claims is found.claims
    assert repr(found) == f"<{folder}: 10 runs, 2 studies>"


@pytest.mark.parametrize("place", ["nowhere", "empty", "file"])
def test_what_is_not_a_results_folder_is_said_in_one_line(tmp_path, place):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(gatebench.BenchError) as caught:
        gatebench.load(tmp_path / place)
    assert isinstance(caught.value, UsageError)
    assert str(tmp_path / place) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_damaged_record_is_named_and_left_out_only_where_that_is_asked_for(folder):
    path = results.folder_of(folder, run("lstm", 1)) / "record.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 1', '"seed": 2'), encoding="utf-8")
    with pytest.raises(DataError, match=f"1 damaged file: bad data in {path}") as caught:
        gatebench.load(folder)
    assert str(caught.value).endswith("skip_damaged=True leaves out what cannot be read")
    assert len(gatebench.load(folder, skip_damaged=True).runs) == 9


def test_a_damaged_study_and_a_damaged_archive_are_damage_too(folder, tmp_path):
    (study, *_) = (folder / "studies").glob("*/study.json")
    study.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match=study.parent.name):
        gatebench.load(folder)
    copy = tmp_path / "b"
    copy.mkdir()
    content = (FOLDER / "archive.zip").read_bytes()
    (copy / "archive.zip").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"archive\.zip"):
        gatebench.load(copy)


def test_an_archived_folder_and_a_plain_one_have_the_same_frames(folder):
    before = gatebench.load(folder)
    subprocess.run([sys.executable, "-m", "bench", "archive", str(folder)], check=True, capture_output=True, cwd=ROOT)
    assert not (folder / "runs").exists() or not list((folder / "runs").glob("*/record.json"))
    after = gatebench.load(folder)
    for name in ("runs", "trials", "curves"):
        pd.testing.assert_frame_equal(getattr(before, name), getattr(after, name))


def test_results_are_loaded_without_torch_and_before_the_claims_are_tested(folder):
    code = (
        "import sys, gatebench; r = gatebench.load(sys.argv[1]); r.runs, r.trials, r.curves; "
        "assert 'findings' not in vars(r._data); "
        "print([name for name in ('torch', 'hydra', 'optuna', 'matplotlib', 'jinja2', 'scipy') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "bench" / "alias"), str(ROOT)])}
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


def test_several_folders_can_be_put_in_one_frame(folder, tmp_path):
    results.write(tmp_path / "b", record(run("tanh", 5)))
    both = pd.concat({each.name: gatebench.load(each).runs for each in (folder, tmp_path / "b")}, names=["results"])
    assert both.groupby("results").size().to_dict() == {"a": 10, "b": 1}
