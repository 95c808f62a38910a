"""A file from outside is data: no file that one received may direct Hydra, name code or read the environment."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import yaml

from bench.__main__ import main
from bench.cli.config import check_from_outside, conf_dir
from bench.core.errors import ConfigError
from bench.core.yaml_files import comments
from tests.cli.test_config import GOOD, dispatch
from tests.programs.faults.hostile import BAD_HEADERS, BAD_SETTINGS_FILES, MARK, Canary
from tests.sweep.test_plan import environment
from tests.toys import write_text_task

FILES = {name: f"# @package _global_\n{text}" for name, text in BAD_SETTINGS_FILES.items()}
FILES |= {header: f"{header}\nname: fine\n" for header in BAD_HEADERS}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with a task, a canary in a pickle, and a folder of results that one received."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BENCH_DATA", raising=False)
    monkeypatch.setenv("GATEBENCH_SECRET", "secret")
    write_text_task(tmp_path, GOOD)
    (tmp_path / "canary.pkl").write_bytes(pickle.dumps(Canary()))
    (tmp_path / "received" / "tuned").mkdir(parents=True)
    (tmp_path / "experiments").mkdir()
    return tmp_path


@pytest.mark.parametrize("words", [["--config-dir", "received", "+tuned=evil"], ["experiments=evil"]], ids=" ".join)
@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_settings_file_that_does_more_than_set_is_refused(text, words, folder, capsys):
    for place in ("received/tuned", "experiments"):
        (folder / place / "evil.yaml").write_text(text)
    before = sorted(folder.parent.rglob("*"))
    status, said = dispatch(["-m", *words, "task=mine", "cell=gru"], capsys)
    assert (status, said.count("\n")) == (2, 1), said
    assert "evil.yaml" in said
    assert "secret" not in said
    assert sorted(folder.parent.rglob("*")) == before


@pytest.mark.parametrize("words", [["+tuned=evil"], ["-m", "+tuned=evil"], ["+tuned=evil", "dry_run=true"]])
def test_a_callback_in_a_received_folder_does_not_fire(words, folder, capsys):
    (folder / "received" / "tuned" / "evil.yaml").write_text(FILES["a callback"])
    status, said = dispatch(["--config-dir", "received", *words, "task=mine", "cell=gru"], capsys)
    assert (status, (folder / MARK).exists()) == (2, False), said


def test_no_way_of_naming_a_folder_goes_around_the_look_at_its_files(folder, capsys):
    (folder / "received" / "tuned" / "evil.yaml").write_text(FILES["a callback"])
    (folder / "received" / "config.yaml").write_text(BAD_SETTINGS_FILES["a callback"])
    received = folder / "received"
    ways = ([f"hydra.searchpath=[file://{received}]", "+tuned@_global_=evil"], ["--config-path", str(received)])
    for words in (["--config-di", str(received), "+tuned@_global_=evil"], *ways):
        status, said = dispatch([*words, "seed=1"], capsys)
        assert (status, (folder / MARK).exists()) == (2, False), said


def test_a_file_in_the_place_of_one_of_hydras_does_not_come_to_act(folder, capsys):
    for name in ("launcher/gatebench", "callbacks/evil"):
        path = folder / "hydra" / f"{name}.yaml"
        path.parent.mkdir(parents=True)
        path.write_text("_target_: pandas.read_pickle\nfilepath_or_buffer: canary.pkl\n")
    dispatch(["-m", "task=mine", "cell=gru", "dry_run=true"], capsys)
    assert not (folder / MARK).exists()


def test_a_run_is_not_repeated_from_a_pickle(folder, capsys):
    status, said = dispatch(["--experimental-rerun", "canary.pkl", "seed=1"], capsys)
    assert (status, (folder / MARK).exists()) == (2, False)
    assert "reads a pickle" in said


def test_a_sweep_of_ones_own_file_runs_with_choices_values_and_look_ups(folder, capsys):
    text = {
        "defaults": [{"override /size": "params"}, {"override /tune/sampler": "random"}],
        "let": {"n": {"mine": 300}},
        "size": {"num_params": "${let.n.${task.name}}"},
        "hydra": {"sweeper": {"params": {"task": "mine", "cell": "gru,tanh", "++optim.lr": "0.1,0.2"}}},
    }
    (folder / "experiments" / "own.yaml").write_text("# @package _global_\n" + yaml.safe_dump(text))
    with pytest.raises(SystemExit) as ended:
        main(["-m", "experiments=own", "dry_run=true"])
    assert ended.value.code == 0
    assert "4 runs, 0 already done, 4 to do" in capsys.readouterr().err


@pytest.mark.parametrize("group", ["experiments", "task", "cell", "size", "space", "tune/sampler", "tune/pruner"])
def test_every_shipped_file_would_pass_as_one_from_outside(group):
    for path in (conf_dir() / group).glob("*.yaml"):
        check_from_outside(path, group)


def test_comments_are_those_behind_keys_by_path_with_the_lines_below_them(tmp_path):
    text = """\
# of the file
a: 1                # one
b:                  # two
  c: null           # three
                    # and more
  d: {e: 1}
  f:
    g: "#00AAff"    # four
# of what is below
h: 2
"""
    path = tmp_path / "commented.yaml"
    path.write_text(text, encoding="utf-8")
    assert comments(path) == {"a": "one", "b": "two", "b.c": "three; and more", "b.f.g": "four"}


def test_every_committed_file_of_tuned_settings_passes():
    paths = list((conf_dir().parent / "results").glob("*/tuned/*.yaml"))
    assert paths
    for path in paths:
        check_from_outside(path, "tuned")


def test_a_plugin_of_hydras_in_the_working_directory_does_not_run(folder):
    (folder / "hydra_plugins").mkdir()
    (folder / "hydra_plugins" / "__init__.py").write_text(f"open({str(folder / MARK)!r}, 'w')\n")
    (folder / "hydra_plugins" / "evil.py").write_text(f"open({str(folder / MARK)!r}, 'w')\n")
    command = [sys.executable, "-m", "bench", "task=mine", "cell=gru", "dry_run=true"]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert (done.returncode, (folder / MARK).exists()) == (0, False), done.stderr


IMPOSSIBLE = {
    "a: &a [*a]": "an alias stands inside of what it names",
    "a: &a {b: [*a]}": "an alias stands inside of what it names",
    f"version: {'9' * 100_000}": "not one YAML document: Exceeds the limit",
    "version: 2020-13-01": "not one YAML document: month must be in 1..12",
    f"version: 0x{'f' * 100_000}\nkind: text": "bad config at",
    f"name: {'n' * 5_000}": "bad config at",
    f"{'n' * 5_000}: 1": "bad config at",
}


@pytest.mark.parametrize("group", ["claim", "task"])
@pytest.mark.parametrize("text", IMPOSSIBLE, ids=lambda text: text[:20])
def test_a_file_of_impossible_values_gets_one_short_message(text, group, folder, capsys):
    (folder / group).mkdir(exist_ok=True)
    (folder / group / "odd.yaml").write_text(text)
    words = ["task=odd"] if group == "task" else ["task=mine", "train.max_updates=1"]
    status, said = dispatch(words, capsys)
    assert (status, said.count("\n"), len(said) < 700) == (2, 1, True), said
    assert IMPOSSIBLE[text] in said
    assert "odd" in said or group == "task"
    assert not list((folder / "results").rglob("record.json"))


def test_a_text_of_one_symbol_is_refused(folder, capsys):
    (folder / "mine.txt").write_text("a" * 5_000)
    status, said = dispatch(["task=mine"], capsys)
    problem = "must hold at least 2 different characters, got 1: nothing to learn"
    assert (status, said) == (2, f"error: bad data in {folder}/mine.txt, task `mine`, split train: {problem}\n")


def test_a_token_that_training_has_not_seen_is_refused_with_its_file(folder, capsys):
    write_text_task(folder, {**GOOD, "closed_vocabulary": True})
    with (folder / "mine.txt").open("a") as text:
        text.write("?")
    problem = "token '?' does not occur in the training split"
    where = f"{folder}/mine.txt, task `mine`, split test"
    assert dispatch(["task=mine", "dry_run=true"], capsys) == (2, f"error: bad data in {where}: {problem}\n")


def test_a_message_about_a_file_at_the_end_of_a_long_path_names_the_file():
    path = f"/{'folder/' * 100}task/mine.yaml:3"
    assert str(ConfigError(path, "is bad")).endswith("task/mine.yaml:3`: is bad")
    assert len(str(ConfigError(path, "is bad"))) < 250
