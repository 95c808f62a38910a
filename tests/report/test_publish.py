"""The end of a sweep: what is damaged is named and counted, with the report and without it."""

from __future__ import annotations

import pytest

from bench import results
from bench.cli.stock import take_stock
from bench.report.publish import publish
from tests.report.fabricated import record, run


@pytest.mark.parametrize(("conclude", "has_report"), [(publish, True), (take_stock, False)])
def test_a_damaged_record_is_named_and_counted(tmp_path, capsys, conclude, has_report):
    whole, torn = (results.write(tmp_path, record(run("gru", seed))) for seed in range(2))
    assert conclude(tmp_path) == 0
    torn.write_bytes(torn.read_bytes()[:-9])
    assert conclude(tmp_path) == 1
    said = capsys.readouterr().err
    assert said.count("damaged: ") == 1
    assert str(torn) in said
    assert str(whole) not in said
    assert (tmp_path / "report").exists() == has_report


def test_a_report_that_is_there_is_left_as_it_is(tmp_path, capsys):
    results.write(tmp_path, record(run("gru", 0)))
    publish(tmp_path)
    page = tmp_path / "report" / "report.html"
    before = page.stat().st_mtime_ns, page.read_bytes()
    results.write(tmp_path, record(run("gru", 1)))
    take_stock(tmp_path)
    assert (page.stat().st_mtime_ns, page.read_bytes()) == before
    assert f"python -m bench report {tmp_path}" in capsys.readouterr().err


def test_what_the_authors_say_stands_in_the_report_as_plain_text(tmp_path):
    results.write(tmp_path, record(run("gru", 0)))
    notes = "First of all.\nStill the first.\n\n<b>Second</b>.\n\n## Where print\n\ndiffers\n"
    (tmp_path / "notes.md").write_text(notes)
    publish(tmp_path)
    page, text = ((tmp_path / "report" / name).read_text() for name in ("report.html", "report.md"))
    assert "<p>First of all. Still the first.</p>" in page
    assert "&lt;b&gt;Second&lt;/b&gt;." in page
    assert "### Where print\n\ndiffers" in text


def test_notes_that_cannot_be_read_are_named_and_the_report_is_made(tmp_path, capsys):
    results.write(tmp_path, record(run("gru", 0)))
    (tmp_path / "notes.md").write_bytes(b"\xff\xfe")
    assert publish(tmp_path) == 1
    assert "notes.md" in capsys.readouterr().err
