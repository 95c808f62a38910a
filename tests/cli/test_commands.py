"""The commands that are no training."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bench.__main__ import main
from bench.cells import shipped
from bench.cli.commands import COMMANDS
from bench.cli.config import conf_dir, options
from bench.tasks.spec import SPLITS, task_spec
from tests.cli.test_config import GOOD, dispatch
from tests.toys import SENTENCE, write_text_task

SHIPPED = sorted(path.stem for path in (conf_dir() / "task").glob("*.yaml"))


def said(words, capsys) -> str:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_needs_no_heavy_library():
    code = "import sys; from bench.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print(sorted({'torch', 'pandas', 'hydra', 'datasets', 'seaborn', 'optuna'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=conf_dir().parent)
    assert done.stdout.endswith("[]\n")
    assert "python -m bench -m" in done.stdout


@pytest.mark.parametrize("word", COMMANDS)
def test_every_command_is_in_the_help_and_has_its_own(word, capsys):
    assert f"\n  {word} " in said(["--help"], capsys)
    assert f"usage: python -m bench {word}" in said([word, "--help"], capsys)


def test_the_console_script_is_the_module_by_another_name(tmp_path):
    script = Path(sys.executable).parent / "gatebench"
    done = subprocess.run([str(script), "--help"], capture_output=True, text=True, cwd=tmp_path)
    module = subprocess.run([sys.executable, "-m", "bench", "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (module.returncode, module.stdout.replace("python -m bench", "gatebench"))


def test_every_task_is_listed_with_size_metric_and_source(capsys):
    rows = {row["task"]: row for row in json.loads(said(["tasks", "--json"], capsys))}
    assert set(rows) == set(SHIPPED)
    for row in rows.values():
        assert row["metric"]
        assert row["source"]
        assert all(row[split] > 0 for split in SPLITS)


def test_a_users_task_is_listed_beside_the_shipped_ones(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_text_task(tmp_path, GOOD)
    table = said(["tasks"], capsys)
    assert "mine" in table
    assert "jsb_chorales" in table


def test_an_invalid_task_says_so_in_its_row_and_hides_no_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_text_task(tmp_path, {**GOOD, "metric": "elo"})
    rows = {row["task"]: row for row in json.loads(said(["tasks", "--json"], capsys))}
    assert "invalid: bad config at `task.mine.metric`" in rows["mine"]["source"]
    assert set(SHIPPED) < set(rows)


def test_every_cell_is_listed_with_its_source(capsys):
    rows = {row["cell"]: row for row in json.loads(said(["cells", "--json"], capsys))}
    assert set(rows) == options("cell", [conf_dir()])
    assert set(shipped()) <= set(rows)
    assert all(row["source"] for row in rows.values())
    assert rows["lstm"]["states"] == ["h", "c"]
    assert rows["gru"]["settings"]["reset"] == "after"


def test_validate_shows_statistics_baseline_and_a_batch(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_text_task(tmp_path, GOOD)
    page = said(["validate", "task=mine"], capsys)
    n = len(SENTENCE * 30)
    assert f"train      {round(n * 0.9):,} characters" in page
    assert "unigram bits_per_char" in page
    assert "'\\n'                     -> 't'" in page
    assert page.endswith("valid\n")


def test_validate_refuses_other_data_than_the_task_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    statistics = {"train": {"sequences": 1, "units": 5}}
    write_text_task(tmp_path, {**GOOD, "statistics": statistics})
    status, message = dispatch(["validate", "task=mine"], capsys)
    assert status == 2
    assert f"bad data in {tmp_path}/mine.txt, task `mine`, split train: must hold 5 units, got" in message


def test_validate_shows_the_batch_that_training_takes_with_the_tasks_own_settings(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_text_task(tmp_path, {**GOOD, "settings": {"train": {"batch_size": 3, "window": 7}}})
    assert "inputs 3x7, 21 characters to predict" in said(["validate", "task=mine"], capsys)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"optim": {"learning_rate": 1}}, "task.mine.settings.optim.learning_rate`: unknown key; legal: "),
        ({"hidden_size": 0}, "task.mine.settings.hidden_size`: must be at least 1 and at most 1,000,000, got 0"),
        ({"optim": {"nesterov": True}}, "optim.nesterov`: needs optim.name=sgd and optim.momentum above 0"),
        ({"train": {"batch_size": 9999}}, "train.batch_size`: must be at most 1134 for 2268 training tokens, got 9999"),
    ],
)
def test_validate_and_a_run_refuse_a_tasks_settings_alike(settings, problem, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_text_task(tmp_path, {**GOOD, "settings": settings})
    validated, run = dispatch(["validate", "task=mine"], capsys), dispatch(["task=mine", "dry_run=true"], capsys)
    assert validated == run
    assert validated[0] == 2
    assert validated[1].startswith(f"error: bad config at `{problem}")


def test_a_report_on_nothing_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    status, message = dispatch(["report", "results/nothing"], capsys)
    assert (status, message) == (2, "error: no run records in results/nothing; a sweep leaves them in results/NAME\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_task_is_valid_and_says_what_it_is(name):
    spec = task_spec(yaml.safe_load((conf_dir() / "task" / f"{name}.yaml").read_text()), name)
    assert spec.name == name
    assert spec.statistics is not None
    assert set(spec.statistics) == set(SPLITS)
    assert all(split.digest for split in spec.statistics.values())
    assert spec.licence
    assert spec.sources
