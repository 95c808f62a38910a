"""Two folders side by side: the numbers of each, their difference as `diff` has it, and verdicts that changed."""

from __future__ import annotations

import json
import re

import pytest

from bench import results
from bench.claims.claim import read_claims
from bench.core.settings import OptimSettings, SizeSettings
from bench.report.comparison import compared
from bench.report.inputs import ReportInputs
from bench.results.diff import compare
from tests.cli.test_commands import said
from tests.cli.test_config import dispatch
from tests.report.fabricated import nats_of, record, scores, sweep, task
from tests.report.formats.test_page import CANARY, Page

SIZE = SizeSettings(mode="params", num_params=20_000)
"""The size at which the claims of the literature compare."""


def moved(by: float, cells=("gru", "lstm"), **changes):
    """A sweep whose scores are all moved."""
    return [
        record(old.run, scores=scores(old.run, nats_of(old.run) + by)) for old in sweep(8, cells, size=SIZE, **changes)
    ]


def sections(left, right):
    first, second = ReportInputs(left, "old", claims=read_claims()), ReportInputs(right, "new", claims=read_claims())
    return {section.anchor: section for section in compared(first, second, compare(left, right)).sections}


def table(section):
    return [dict(zip(section.table.headers, (entry.text for entry in row), strict=True)) for row in section.table.rows]


def write(folder, records):
    for each in records:
        results.write(folder, each)
    return folder


def test_both_means_and_their_paired_difference_are_shown_with_intervals():
    first, _ = table(sections(sweep(8, ("gru", "lstm"), size=SIZE), moved(0.5))["scores"])
    assert (first["Cell"], first["Conclusion"]) == ("gru", "different")
    assert first["Pairs"] == "8 (none: all values are equal)"
    means = [float(re.match(r"[\d.]+", first[side]).group()) for side in ("A", "B")]
    assert means[1] - means[0] == pytest.approx(0.5, abs=0.002)  # printed with three decimals each
    assert first["A"].endswith("]")


def test_the_difference_is_that_of_diff():
    left, right = sweep(8, ("gru",), size=SIZE), moved(0.2, ("gru",), optim=OptimSettings(lr=0.01))
    (group,) = compare(left, right).groups
    (row,) = table(sections(left, right)["scores"])
    assert row["Conclusion"] == group.conclusion
    assert row["Settings"] == "A: optim.lr=0.001; B: optim.lr=0.01"
    assert row["B minus A"].startswith(f"{group.interval.mean:.2f}"[:4])


def test_a_changed_verdict_is_listed_and_an_equal_one_is_not():
    right = [*moved(0.0, ("gru",)), *moved(-1.0, ("lstm",))]
    changed = table(sections(sweep(8, ("gru", "lstm"), size=SIZE), right)["changed"])
    words = {row["Claim"]: (row["In A"], row["In B"]) for row in changed}
    assert ("supported", "contradicted") in words.values()
    assert all(first != second for first, second in words.values())


def test_a_verdict_that_only_one_gives_is_counted_and_no_change():
    found = sections(sweep(8, ("gru",), size=SIZE), sweep(8, ("gru", "lstm"), size=SIZE))["changed"]
    assert found.table is None
    assert re.fullmatch(r"None of the 0 verdicts that both give\. Only B gives [1-9]\d* verdicts more\.", found.text[0])


def test_groups_that_are_not_matched_have_no_empty_numbers():
    rates = [sweep(6, ("gru",), size=SIZE, optim=OptimSettings(lr=lr)) for lr in (0.1, 0.2, 0.3)]
    (row,) = table(sections([*rates[0], *rates[1]], rates[2])["scores"])
    assert row == {
        "Task": "made_up_music",
        "Cell": "gru",
        "Hidden × layers": "46 × 1",
        "Conclusion": "2 and 1 other settings: not matched",
    }


def test_equal_results_say_that_nothing_changed():
    found = sections(sweep(8, size=SIZE), sweep(8, size=SIZE))
    assert found["changed"].table is None
    assert re.fullmatch(r"None of the [1-9]\d* verdicts that both give\.", found["changed"].text[0])
    assert found["runs"].text == ("None: both hold the same runs with the same outcomes, to the last bit.",)


def test_the_command_writes_a_page_and_markdown_and_says_where(tmp_path, capsys):
    left, right = write(tmp_path / "old", sweep(8, size=SIZE)), write(tmp_path / "new", moved(0.5))
    page = left / "report" / "compare-new.html"
    assert said(["report", "--compare", str(left), str(right)], capsys) == f"comparison: {page}\n"
    text = page.read_text()
    assert "old (A) and new (B)" in text
    assert "default-src &#39;none&#39;; img-src data:; " in text
    assert "| different |" in page.with_suffix(".md").read_text()
    assert sorted(path.name for path in page.parent.iterdir()) == ["compare-new.html", "compare-new.md"]


def test_names_are_text_in_a_comparison(tmp_path, capsys):
    hostile = task(CANARY, title=CANARY)
    left = write(tmp_path / "old", sweep(2, task=hostile))
    right = write(tmp_path / "<b>&new", sweep(3, task=hostile))
    said(["report", "--compare", str(left), str(right)], capsys)
    (page,) = (left / "report").glob("*.html")
    assert re.fullmatch(r"compare-b_new-[0-9a-f]{6}", page.stem)
    assert len(Page(page.read_text()).all("script")) == 1
    assert "<script>" not in page.with_suffix(".md").read_text()


def test_what_cannot_be_compared_is_refused_with_one_message(tmp_path, capsys):
    old, other = write(tmp_path / "old", sweep(2)), write(tmp_path / "other", sweep(2, task=task("else")))
    for words, problem in (
        (["--compare", str(old), str(old)], "are the same directory"),
        (["--compare", str(old), str(tmp_path / "none")], "no run records in"),
        (["--compare", str(old), str(other)], "have no task, cell and size in common"),
        (["--compare", str(old), str(other), "--json"], "stands alone"),
        ([], "which results?"),
    ):
        status, message = dispatch(["report", *words], capsys)
        assert (status, message.count("\n")) == (2, 1)
        assert problem in message
    assert not (old / "report").exists()


def test_json_rows_are_the_file_of_the_report(tmp_path, capsys):
    folder = write(tmp_path / "old", sweep(6, size=SIZE))
    said(["report", str(folder)], capsys)
    printed = said(["report", str(folder), "--json"], capsys)
    assert printed == (folder / "report" / "summary.json").read_text()
    assert json.loads(printed)[0]["claims"]
