"""The main job as a user runs it: a sweep on a task of the user's own, its records, its report, its second start."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from bench import results
from tests.cli.test_config import GOOD
from tests.toys import write_text_task
from tests.warm import run as bench
from tests.warm import start

PATIENT = 600
"""Seconds after which something will never happen, however busy the machine is."""

SWEEP = ("-m", "task=mine", "cell=gru,tanh", "hidden_size=6", "seed=range(2)", "workers=2")


def bench_anew(folder: Path, *words: str) -> subprocess.CompletedProcess:
    """Run the program as a user does, who waits some seconds for it to import what it needs."""
    command = [sys.executable, "-m", "bench", *words]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENT)


def environment() -> dict[str, str]:
    root = Path(__file__).resolve().parents[2]
    return {**os.environ, "PYTHONPATH": str(root), "PYTHONWARNINGS": "ignore"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a task of the user's own and one finished sweep named `first`."""
    folder = tmp_path_factory.mktemp("work")
    write_text_task(folder, GOOD)
    done = bench_anew(folder, *SWEEP, "name=first")
    assert done.returncode == 0, done.stderr
    (folder / "said.txt").write_text(done.stderr + done.stdout)
    return folder


def records(folder: Path, name: str):
    return results.read(folder / "results" / name).records


def test_every_point_of_the_grid_is_a_run_with_a_test_score(folder):
    found = {(r.run.cell_name, r.run.seed): r.outcome for r in records(folder, "first")}
    assert set(found) == {(cell, seed) for cell in ("gru", "tanh") for seed in (0, 1)}
    for outcome in found.values():
        assert outcome.status == "done"
        assert 0 < outcome.scores["test"]["bits_per_char"] < 10
        assert outcome.kernel in ("fused", "bptt")


def test_progress_is_shown_line_by_line_and_ends_with_a_table_and_the_reports_path(folder):
    said = (folder / "said.txt").read_text()
    assert "4 runs, 0 already done, 4 to do" in said
    assert "[4/4]" in said
    assert "GRU" in said
    assert "results/first/report/report.html" in said


def test_nothing_is_left_behind_but_the_results(folder):
    assert {path.name for path in folder.iterdir()} == {"task", "mine.txt", "results", "said.txt"}
    assert {path.name for path in (folder / "results" / "first").iterdir()} == {"plan.json", "runs", "report"}


def test_the_same_command_again_trains_nothing_and_writes_the_same_report(folder):
    directory = folder / "results" / "first"
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in directory.glob("runs/*/record.json")}
    page = (directory / "report" / "report.html").read_bytes()
    again = bench(folder, *SWEEP, "name=first")
    assert again.returncode == 0
    assert "4 runs, 4 already done, 0 to do" in again.stderr
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in before} == before
    assert (directory / "report" / "report.html").read_bytes() == page


def test_a_sweep_without_its_report_says_how_it_is_written_and_that_gives_the_same_bytes(folder):
    report = folder / "results" / "first" / "report"
    before = {path.name: path.read_bytes() for path in report.rglob("*") if path.is_file()}
    shutil.rmtree(report)
    done = bench(folder, *SWEEP, "name=first", "report=false")
    assert (done.returncode, done.stdout) == (0, "")
    assert "python -m bench report results/first" in done.stderr
    assert not report.exists()
    assert bench(folder, "report", "results/first").returncode == 0
    assert {path.name: path.read_bytes() for path in report.rglob("*") if path.is_file()} == before


def test_a_run_made_twice_from_scratch_finds_the_same_bits(folder):
    done = bench(folder, "task=mine", "cell=gru", "hidden_size=6", "seed=1", "name=second", "report=false")
    assert done.returncode == 0, done.stderr
    (alone,) = records(folder, "second")
    (among,) = [r for r in records(folder, "first") if r.key == alone.key]
    assert alone.outcome == among.outcome
    assert alone.run == among.run


def test_the_summary_is_there_as_json_rows(folder):
    rows = json.loads(bench(folder, "report", "results/first", "--json").stdout)
    wanted = {"task", "cell", "hidden_size", "num_layers", "num_params_recurrent", "num_params_total", "n", "metric"}
    wanted |= {"split", "mean", "low", "high", "units_per_second", "kernel"}
    assert {row["cell"] for row in rows} == {"gru", "tanh"}
    for row in rows:
        assert wanted <= set(row)
        assert (row["n"], row["split"], row["metric"]) == (2, "test", "bits_per_char")


def test_a_bad_test_split_is_refused_before_training(folder, tmp_path):
    rolls = {"train": [[60, 64]], "validation": [[60]], "test": [[60], [170]]}
    rows = [{"split": split, "notes": notes} for split, notes in rolls.items()]
    (tmp_path / "roll.json").write_text(json.dumps(rows))
    (tmp_path / "task").mkdir()
    node = {**GOOD, "name": "roll", "kind": "piano_roll", "metric": "nll"}
    node["sources"] = [{"kind": "local", "file": "roll.json"}]
    (tmp_path / "task" / "roll.yaml").write_text(yaml.safe_dump(node))
    done = bench(tmp_path, "task=roll", "cell=gru")
    assert done.returncode == 2
    assert "split test, sequence 0, step 1: pitch must be a whole number 21 to 108, got 170" in done.stderr
    assert not (tmp_path / "results").exists()


def test_options_may_stand_among_overrides_and_hydras_own_launcher_works(folder, tmp_path):
    write_text_task(tmp_path / "conf", GOOD)
    (tmp_path / "conf" / "mine.txt").rename(tmp_path / "mine.txt")
    words = ("-m", "hydra/launcher=basic", "--config-dir", "conf", "task=mine", "cell=gru,tanh", "hidden_size=4")
    done = bench(tmp_path, *words, "name=basic", "report=false")
    assert done.returncode == 0, done.stderr
    assert {record.run.cell_name for record in records(tmp_path, "basic")} == {"gru", "tanh"}


NO_TORCH = """
import importlib.abc, sys

class NoTorch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("torch", "hydra", "omegaconf", "optuna"):
            raise ImportError(name)

sys.meta_path.insert(0, NoTorch())
from bench.__main__ import main
main(["report", "results/first"])
"""


def test_a_report_is_rebuilt_where_torch_and_hydra_are_not_installed(folder):
    command = [sys.executable, "-c", NO_TORCH]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_dry_run_shows_the_plan_and_writes_nothing(folder):
    done = bench(folder, *SWEEP, "name=third", "dry_run=true")
    assert done.returncode == 0
    assert "waiting" in done.stderr
    assert not (folder / "results" / "third").exists()


def test_the_test_split_stays_shut_while_tuning(folder):
    done = bench(folder, "task=mine", "cell=gru", "hidden_size=6", "phase=tune", "name=tuning", "report=false")
    assert done.returncode == 0, done.stderr
    (record,) = records(folder, "tuning")
    assert set(record.outcome.scores) == {"train", "validation"}
    assert "test" not in record.outcome.data_digests


KILLED = "its process was killed by SIGKILL: out of memory, or by hand"


def test_a_killed_worker_costs_its_run_and_no_other(folder):
    words = ["-m", "task=mine", "cell=gru", "hidden_size=6", "seed=0,1", "workers=1", "name=killed", "limits.retries=0"]
    endless = [*words, "train.max_epochs=0", "train.max_updates=1000000"]
    command = start(folder, *endless)
    try:
        wait_for(lambda: workers_at(folder, "killed"))
        os.kill(workers_at(folder, "killed")[0], signal.SIGKILL)
        wait_for(lambda: list(folder.glob("results/killed/runs/*/record.json")))
    finally:
        command.send_signal(signal.SIGINT)
        command.wait(PATIENT)
    (record, *_) = records(folder, "killed")
    assert (record.outcome.status, record.outcome.reason) == ("failed", KILLED)
    assert command.returncode == 130


def workers_at(folder: Path, name: str) -> list[int]:
    """Return the processes that train the Runs of a command at the moment."""
    holders = [results.holder(run) for run in folder.glob(f"results/{name}/runs/*")]
    return [holder.pid for holder in holders if holder is not None and holder.pid]


def wait_for(condition, seconds: float = PATIENT) -> None:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            pytest.fail("nothing happened in time")
        time.sleep(0.02)  # what is waited for may be there for no longer than a second
