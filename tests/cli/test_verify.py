"""Verify: records that hold are confirmed, records that do not are told, wherever they were made."""

from __future__ import annotations

import dataclasses
import re
import shutil

import pytest

from bench import results
from bench.__main__ import main
from bench.cli.config import conf_dir
from bench.cli.verify import _sample
from bench.cli.verify_files import report_compared, tuned_compared
from bench.report.document import compose
from bench.report.formats.page import charts, html
from bench.report.formats.write import CURVES, texts
from bench.report.inputs import read_inputs
from tests.cli.test_config import GOOD
from tests.report.made import BLANK
from tests.results.test_run import record as example
from tests.sweep.test_plan import bench, records
from tests.toys import changed, write_text_task

SWEEP = ("-m", "task=mine", "cell=gru", "hidden_size=6", "seed=range(4)", "train.max_updates=40", "name=whole")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("work")
    write_text_task(path, GOOD)
    assert bench(path, *SWEEP).returncode == 0
    return path


WRITTEN = (
    *("report.md", "report.html", "runs.csv", "trials.csv", "curves.csv"),
    *("summary.csv", "summary.json", "claims.csv", "claims.json"),
    *("latex/methods.tex", "latex/summary.tex", "latex/verdicts.tex"),
)


def rewritten(folder, name, change) -> None:
    """Copy the results under another name with every record changed, digests made to match."""
    target = folder / "results" / name
    shutil.copytree(folder / "results" / "whole", target)
    for record in results.read(target).records:
        path = results.folder_of(target, record.run) / "record.json"
        path.write_text(change(record).to_json())


def with_score(record, factor):
    metric = record.run.task["metric"]
    test = {**record.outcome.scores["test"], metric: record.outcome.scores["test"][metric] * factor}
    outcome = dataclasses.replace(record.outcome, scores={**record.outcome.scores, "test": test})
    return dataclasses.replace(record, outcome=outcome)


def made_elsewhere(record):
    return dataclasses.replace(record, provenance=dataclasses.replace(record.provenance, cpu="Another CPU"))


def said(folder, monkeypatch, capsys, *words):
    """Return the exit status of `verify` and what it printed."""
    monkeypatch.chdir(folder)
    with pytest.raises(SystemExit) as ended:
        main(["verify", *words])
    return ended.value.code, capsys.readouterr().out


def test_what_was_trained_here_is_confirmed_to_the_bit_and_what_was_looked_at_is_said(folder, monkeypatch, capsys):
    status, out = said(folder, monkeypatch, capsys, "results/whole", "--sample", "2")
    assert status == 0, out
    assert "read: 4 whole records, 0 studies, 0 probes, each by its digest; 0 damaged files" in out
    assert "trained again: 2 of 4 runs that are done, drawn by chance (--seed " in out
    assert out.count("identical to the bit") == out.count("  confirm  test bits per char") == 2
    assert re.search(r"report: \d+ files as the records give, 0 different", out)
    assert "verified: all checks passed" in out


def test_a_score_that_training_does_not_give_is_told(folder, monkeypatch, capsys):
    rewritten(folder, "forged", lambda record: with_score(record, 0.9999))
    status, out = said(folder, monkeypatch, capsys, "results/forged", "--sample", "1")
    assert (status, "DIFFERENT" in out) == (1, True)
    assert "differ: scores; versions, machine and build are those of the record" in out


def test_records_of_another_machine_may_differ_by_the_spread_of_seeds_and_no_more(folder, monkeypatch, capsys):
    rewritten(folder, "near", lambda record: made_elsewhere(with_score(record, 1.0001)))
    shutil.rmtree(folder / "results" / "near" / "report")
    status, out = said(folder, monkeypatch, capsys, "results/near", "--sample", "1")
    assert status == 0, out
    assert "within the spread of seeds; made elsewhere (cpu Another CPU)" in out
    rewritten(folder, "far", lambda record: made_elsewhere(with_score(record, 1.5)))
    status, out = said(folder, monkeypatch, capsys, "results/far", "--sample", "1")
    assert status == 1
    assert "differ: scores, by more than the machine explains (recorded with cpu Another CPU)" in out


def built_otherwise(record):
    return dataclasses.replace(record, provenance=dataclasses.replace(record.provenance, library="0" * 16))


def test_records_of_another_build_of_the_library_are_told_apart_by_its_name(folder, monkeypatch, capsys):
    if {record.outcome.kernel for record in records(folder, "whole")} != {"fused"}:
        pytest.skip("no library was built")
    rewritten(folder, "rebuilt", lambda record: built_otherwise(with_score(record, 1.0001)))
    shutil.rmtree(folder / "results" / "rebuilt" / "report")
    status, out = said(folder, monkeypatch, capsys, "results/rebuilt", "--sample", "1")
    assert status == 0, out
    assert f"made elsewhere (compiled library {'0' * 16})" in out


def test_a_damaged_record_is_named(folder, monkeypatch, capsys):
    shutil.copytree(folder / "results" / "whole", folder / "results" / "damaged")
    path = sorted((folder / "results" / "damaged").glob("runs/*/record.json"))[0]
    path.write_text(path.read_text()[:-40])
    status, out = said(folder, monkeypatch, capsys, "results/damaged", "--sample", "0")
    assert status == 1
    assert str(path.relative_to(folder)) in out


def test_data_that_have_changed_are_named_with_both_digests_and_nothing_is_trained(folder, monkeypatch, capsys):
    text = (folder / "mine.txt").read_text()
    (folder / "mine.txt").write_text(text.replace("fox", "cat"))
    status, out = said(folder, monkeypatch, capsys, "results/whole", "--sample", "1")
    (folder / "mine.txt").write_text(text)
    assert status == 1
    assert "trained again: 0 of 4 runs" in out
    assert "NOT TRAINED: other data" in out
    before = records(folder, "whole")[0].outcome.data_digests["train"]
    assert re.search(rf"data of task `mine` differ: split train has SHA-256 (?!{before[:16]})\w{{16}}", out)
    assert f"the record says {before[:16]}..." in out


def test_the_sample_has_a_test_score_and_a_trial_and_is_another_for_another_seed():
    made = [
        dataclasses.replace(example(), run=dataclasses.replace(example().run, seed=n, phase=phase), key=f"{phase} {n}")
        for phase in ("tune", "confirm")
        for n in range(30)
    ]
    drawn = [_sample(made, 3, seed) for seed in range(50)]
    for sample in drawn:
        assert len({each.key for each in sample}) == 3
        assert [each.run.phase for each in sample[:2]] == ["confirm", "tune"]
    assert len({tuple(each.key for each in sample) for sample in drawn}) > 40
    assert _sample(made, 3, 7) == drawn[7]
    assert [each.run.phase for each in _sample(made, 1, 0)] == ["confirm"]
    assert len(_sample(made, 100, 0)) == 60
    assert _sample([], 2, 0) == []


@pytest.fixture(scope="module")
def committed(tmp_path_factory):
    """A copy of committed results with their page and its figures, and what the report is made from."""
    source = conf_dir().parent / "results" / "jozefowicz2015_dropout"
    copy = tmp_path_factory.mktemp("copy") / source.name
    shutil.copytree(source, copy)
    material = read_inputs(copy)
    document = compose(material)
    images = {chart.name: BLANK for chart in charts(document)}
    for name, image in images.items():
        (copy / "report" / "figures" / f"{name}.png").write_bytes(image.png)
        (copy / "report" / "figures" / f"{name}.svg").write_bytes(image.svg)
    (copy / "report" / "report.html").write_text(html(document, images))
    (copy / "report" / CURVES).write_text(texts(document)[CURVES])
    return copy, material


def test_a_figure_that_is_not_one_is_named(committed):
    folder, material = committed
    figure = folder / "report" / "figures" / "glance.svg"
    figure.write_text('<svg width="wide" viewBox="0 0 1 1"/>')
    wrong = report_compared(folder, material).wrong
    figure.write_bytes(BLANK.svg)
    assert [each for each in wrong if "glance.svg" in each and "not a figure as it was drawn" in each]


def test_committed_results_say_what_their_records_give(committed):
    report, tuned = report_compared(*committed), tuned_compared(*committed)
    assert (report.wrong, tuned.wrong, tuned.unseen) == ((), (), ())
    assert (report.n_same, tuned.n_same) == (12, 8)
    assert [unseen for unseen in report.unseen if "figures: their bytes depend" not in unseen] == []


def test_a_digit_that_is_changed_in_a_file_of_the_report_is_named_with_its_line(committed):
    folder = committed[0] / "report"
    whole = {name: (folder / name).read_text() for name in WRITTEN}
    lines = []
    for name, text in whole.items():
        digits = [match.start() for match in re.finditer(r"\d", text)]
        place = digits[len(digits) // 2]
        (folder / name).write_text(text[:place] + str(9 - int(text[place])) + text[place + 1 :])
        lines.append(f"report/{name}, line {text.count(chr(10), 0, place) + 1}")
    found = report_compared(*committed)
    for name, text in whole.items():
        (folder / name).write_text(text)
    assert sorted(wrong.partition(":")[0] for wrong in found.wrong) == sorted(lines)
    assert found.n_same == 0


def test_a_rate_that_is_changed_in_tuned_settings_and_a_file_of_no_study_are_named(committed):
    path = sorted((committed[0] / "tuned").glob("*.yaml"))[0]
    whole, stranger = path.read_text(), path.with_name("jsb_chorales-tanh.yaml")
    path.write_text(re.sub(r"lr: 0\.0", "lr: 0.1", whole, count=1))
    stranger.write_text(whole)
    found = tuned_compared(*committed)
    path.write_text(whole)
    stranger.unlink()
    assert len(found.wrong) == 2
    assert re.match(rf"tuned/{path.name}, line \d+: has `lr: 0\.1\d+`, the records give `lr: 0\.0\d+`", found.wrong[0])
    assert found.wrong[1] == "tuned/jsb_chorales-tanh.yaml: no study of these results gives it"


def test_what_is_not_compared_is_said(committed):
    stray, page = committed[0] / "report" / "more.md", committed[0] / "report" / "report.html"
    drawing = sorted((committed[0] / "report" / "figures").glob("*.svg"))[0]
    stray.write_text("7.477")
    drawing.rename(drawing.with_suffix(".away"))
    found = report_compared(*committed)
    drawing.with_suffix(".away").rename(drawing)
    stray.unlink()
    assert found.wrong == ()
    assert {"more.md: not of it", f"{page.name}: its figures are not all there"} <= set(found.unseen)


def test_failed_runs_are_carried_out_once_more_from_their_records(folder):
    rewritten(folder, "failed", lambda record: dataclasses.replace(record, outcome=failure(record)))
    done = bench(folder, "status", "results/failed", "--retry-failed")
    assert done.returncode == 0, done.stderr
    mended, whole = ({record.key: record.outcome for record in records(folder, name)} for name in ("failed", "whole"))
    assert mended == whole


def failure(record):
    return dataclasses.replace(record.outcome, status="failed", reason="lightning", scores={}, curve=())


def test_runs_whose_noise_another_generator_drew_are_counted_and_not_trained_again(folder, monkeypatch, capsys):
    target = folder / "results" / "drawn"
    for number, record in enumerate(results.read(folder / "results" / "whole").records):
        run = changed(record.run, "train", weight_noise=0.1) if number else record.run
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("bench.results.run.DRAWN", ())
            results.write(target, dataclasses.replace(record, run=run, key=run.key))
    status, out = said(folder, monkeypatch, capsys, "results/drawn", "--sample", "4")
    assert "trained again: 1 of 1 run that are done" in out
    assert "  3 runs cannot be: an earlier version drew their noise from another generator" in out
    assert out.count("identical to the bit") == 1
    assert status == 0, out
