"""What is committed of results is whole, and what the README and the report say of it is what it says."""

from __future__ import annotations

import filecmp
import functools
import math
import re
import shutil

import numpy as np
import pytest
from numpy._core import _methods

from bench import results
from bench.cli.config import conf_dir
from bench.report.document import compose
from bench.report.formats.page import charts, html
from bench.report.formats.write import CURVES, build, texts
from bench.report.inputs import read_inputs
from bench.training.member import WORST
from tests.programs.figures import readme
from tests.report.made import BLANK

HERE = conf_dir().parent
TEXTS = [f"report/{name}" for name in ("summary.csv", "summary.json", "runs.csv", "claims.csv", "report.md")]
FOLDERS = sorted(path.parent for path in (HERE / "results").glob("*/archive.zip"))


@functools.cache
def composed(folder):
    """Return the report of some results, which takes a minute: two tests ask for the same."""
    return compose(read_inputs(folder))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_committed_results_are_whole_and_small(folder):
    contents = results.read(folder)
    assert contents.records
    assert not contents.damaged
    assert not results.read_studies(folder).damaged
    committed = [path for path in folder.rglob("*") if path.suffix not in ("", ".html", ".svg") and path.name != CURVES]
    assert sum(path.stat().st_size for path in committed) < 16e6  # two thousand runs with their test pieces take 12


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_committed_run_that_is_done_keeps_that_ending_by_the_rule_of_divergence(folder):
    for record in results.read(folder).records:
        n_outputs = record.outcome.num_params["readout"] // (record.run.hidden_size + 1)
        blind = n_outputs * math.log(2) if record.run.task["kind"] == "piano_roll" else math.log(n_outputs)
        if record.outcome.status == "done":
            assert record.outcome.curve[-1].validation_nats <= WORST * blind, record.run.label


LARGE = ("chung2014", "claims_small")
"""The results whose reports take up to half a minute, most of it for the importance of settings in 60 studies."""


@pytest.mark.parametrize(
    "folder",
    [pytest.param(path, marks=pytest.mark.long) if path.name in LARGE else path for path in FOLDERS],
    ids=lambda path: path.name,
)
def test_the_committed_report_is_what_the_records_give(folder):
    """Text and numbers; a figure's bytes depend on the version of the library that draws it, its name does not."""
    document = composed(folder)
    report = folder / "report"
    wanted = {name: text for name, text in texts(document).items() if name != CURVES}
    assert [name for name, text in wanted.items() if (report / name).read_bytes() != text.encode()] == []
    written = [path for path in report.rglob("*") if path.suffix in (".csv", ".json", ".md", ".tex")]
    there = [path for path in written if path.name != CURVES]
    assert {str(path.relative_to(report)) for path in there} == set(wanted)
    assert {path.stem for path in report.glob("figures/*.png")} == {chart.name for chart in charts(document)}


@pytest.mark.long
def test_a_committed_report_is_built_with_its_figures(tmp_path):
    folder = HERE / "results" / "jozefowicz2015_dropout"
    copy = tmp_path / folder.name
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("report"))
    build(read_inputs(copy), copy)
    images = {path.name for path in (copy / "report" / "figures").glob("*.png")}
    assert images == {path.name for path in (folder / "report" / "figures").glob("*.png")}
    assert [name for name in TEXTS if not filecmp.cmp(copy / name, folder / name, shallow=False)] == []


def everything(document):
    """Return all that is written of a report, its page with blanks for figures."""
    return {**texts(document), "report.html": html(document, {chart.name: BLANK for chart in charts(document)})}


def test_what_is_written_is_the_same_where_sums_are_taken_in_another_order(monkeypatch):
    """Processors with registers of another width sum in other orders, and their last bits differ."""
    inputs = read_inputs(HERE / "results" / "jozefowicz2015_dropout")
    here = composed(HERE / "results" / "jozefowicz2015_dropout")
    forwards = _methods.umr_sum

    def in_another_order(values, axis=None, *rest, **named):
        values = np.asanyarray(values)
        return forwards(np.roll(values, 1, axis) if values.dtype.kind == "f" else values, axis, *rest, **named)

    monkeypatch.setattr(_methods, "umr_sum", in_another_order)
    elsewhere = compose(inputs)
    assert not here.summary.equals(elsewhere.summary)
    written = everything(elsewhere)
    assert [name for name, text in everything(here).items() if written[name] != text] == []


@pytest.mark.long
def test_the_readme_says_what_the_committed_results_say():
    text = (HERE / "README.md").read_text(encoding="utf-8")
    assert readme.opening(composed(HERE / readme.RESULTS)) in text
    assert readme.claims({folder.name: composed(folder) for folder in FOLDERS}) in text
    assert text.index(readme.BEGIN) < 3000


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_every_replication_of_every_cell_is_told_in_the_committed_methods(folder):
    """Searches of one cell that differ in a setting, as with and without dropout, may choose the same rate."""
    text = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert re.findall(r"scored here, from \d+ to \d+ replications", text) == []
