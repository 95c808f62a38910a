"""The tutorial runs on what is committed, and shows what the records say."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

import gatebench
import pytest
from matplotlib import pyplot

from bench import results
from tests.programs import tutorial

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def loaded():
    return gatebench.load(tutorial.FOLDER)


def test_the_tutorial_draws_the_curves_and_prints_the_tables(tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "bench" / "alias"), "MPLBACKEND": "agg"}
    command = [sys.executable, "-m", "tests.programs.tutorial", str(tutorial.FOLDER), str(tmp_path / "curves.png")]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert done.stdout.startswith(f"<{tutorial.FOLDER}: 384 runs, 64 studies>\n")
    assert "median_lr" in done.stdout


def test_a_panel_has_a_line_for_each_cell_and_rate_of_dropout(loaded):
    figure = tutorial.curves(loaded)
    assert [panel.get_title() for panel in figure.axes] == ["task = jsb_chorales", "task = nottingham"]
    drawn = [[line for line in panel.lines if len(line.get_xdata())] for panel in figure.axes]
    assert [len(lines) for lines in drawn] == [4, 4]
    pyplot.close(figure)


def test_the_table_of_trials_has_the_median_of_the_rates_that_replications_chose(loaded):
    by_key = {each.key: each for each in results.read(tutorial.FOLDER).records}
    studies = results.read_studies(tutorial.FOLDER).records
    row = tutorial.chosen(loaded).query("task == 'nottingham' and study == 'LSTM train.output_dropout=0.3'").iloc[0]
    mine = [
        study
        for study in studies
        if (study.task, study.cell) == ("nottingham", "lstm") and study.settings["train"]["output_dropout"] == 0.3
    ]
    best = [
        min(
            (by_key[trial.runs[0]] for trial in study.trials if by_key[trial.runs[0]].outcome.scores),
            key=lambda made: made.outcome.scores["validation"]["nll"],
        )
        for study in mine
    ]
    assert row["replications"] == len(mine) == 8
    assert row["median_lr"] == pytest.approx(statistics.median(made.run.optim.lr for made in best), rel=1e-12)
