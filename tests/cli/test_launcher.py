"""A sweep through Hydra's own launcher, job by job: the same Runs, the same exit status, no file but ours."""

from __future__ import annotations

import pytest

from bench import results
from tests.cli.test_config import GOOD
from tests.sweep.test_plan import bench
from tests.toys import write_text_task

BASIC = ("-m", "hydra/launcher=basic", "task=mine", "cell=gru", "train.max_epochs=1", "name=basic")


@pytest.fixture
def folder(tmp_path):
    write_text_task(tmp_path, GOOD)
    return tmp_path


def test_hydras_own_launcher_leaves_the_results_and_nothing_else(folder):
    done = bench(folder, *BASIC, "hidden_size=3,4")
    assert done.returncode == 0, done.stderr
    assert {record.run.hidden_size for record in results.read(folder / "results" / "basic").records} == {3, 4}
    assert {path.name for path in folder.iterdir()} == {"task", "mine.txt", "results"}
    assert {path.name for path in folder.glob("results/basic/*") if path.is_dir()} == {"runs", "report"}


def test_a_job_whose_run_fails_is_the_exit_status_and_stops_no_other(folder):
    done = bench(folder, *BASIC, "limits.seconds=1e-9,1000", "train.max_epochs=2")
    assert done.returncode == 1, done.stderr
    assert "timeout: limits.seconds: 1e-09 s are spent" in done.stderr
    (record,) = results.read(folder / "results" / "basic").records
    assert record.outcome.status == "done"


@pytest.mark.parametrize("words", [("hidden_size=0,-1",), ("hidden_size=3,4", "dry_run=true")], ids=["bad", "dry run"])
def test_a_bad_job_and_a_dry_run_leave_nothing(words, folder):
    before = sorted(folder.rglob("*"))
    done = bench(folder, *BASIC, *words)
    assert done.returncode == (0 if "dry_run=true" in words else 2), done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(folder.rglob("*")) == before
