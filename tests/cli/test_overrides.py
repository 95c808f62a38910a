"""Mistakes on the command line that Hydra, ANTLR or Python would word: each is one message of ours, exit status 2."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench import __version__
from bench.cli.overrides import check_overrides
from bench.core.console import program
from bench.core.errors import UsageError, did_you_mean
from tests.cli.test_config import dispatch

FOREIGN = (
    "Hydra",
    "hydra",
    "ANTLR",
    "mismatched",
    "extraneous",
    "viable",
    "requires",
    "NoneType",
    "TypeError",
    "arg 3",
)

MISTAKES = [
    (
        ["seed=0,1"],
        "bad override `seed=0,1`: several values take -m, which trains each: python -m bench -m 'seed=0,1'; for one "
        "value that is a list, [0,1]",
    ),
    (["cell=gru,lstm"], "python -m bench -m 'cell=gru,lstm'"),
    (["seed=range(0,3)"], "several values take -m, which trains each: python -m bench -m 'seed=range(0,3)'"),
    (["optim.lr=interval(0.1,1)"], "is searched only with -m and tune.n_trials above 0"),
    (["-m", "cell=gru,", "lstm"], "bad override `cell=gru, lstm`: values stand without spaces: `cell=gru,lstm`"),
    (["-m", "cell=gru,"], "bad override `cell=gru,`: has a comma without a value; values stand without spaces: V1,V2"),
    (["task=jsb_chorales", "lstm"], "`lstm` is neither a setting, KEY=VALUE, nor an option"),
    (["seed=1", "--multrun"], "unknown option `--multrun`; did you mean `--multirun`?"),
    (["-m", "seed=rnge(3)"], "bad override `seed=rnge(3)`: there is no function `rnge`; did you mean `range`?"),
    (["-m", "seed=range(a)"], "is not as range is written: range(STOP)"),
    (["seed=[1"], "bad override `seed=[1`: has brackets that do not match"),
    (["seed='a"], "bad override `seed='a`: has a quotation mark that is not closed"),
    (["optim.learning_rate=1"], "bad config at `optim.learning_rate`: unknown key; did you mean `optim.lr`?"),
    (["+optim.learning_rate=1"], "bad config at `optim.learning_rate`: unknown key; did you mean `optim.lr`?"),
    (["optim={learning_rate:1}"], "bad config at `optim.learning_rate`: unknown key; did you mean `optim.lr`?"),
    (["tune={n_trils:3}"], "bad config at `tune.n_trils`: unknown key; did you mean `tune.n_trials`?"),
    (["limits={a:1}"], "unknown key; legal: limits.memory, limits.retries, limits.seconds, limits.silence"),
    (
        ["cell=lstm", "cell.forget_bais=1"],
        "bad config at `cell.forget_bais`: not a setting of the chosen cell; did you mean `cell.forget_bias`?",
    ),
    (
        ["cell=lstm", "cell.zzz=1"],
        "not a setting of the chosen cell; `python -m bench cells`",
    ),
    (["cell=gru", "cell.forget_bias=1"], "not a setting of the chosen cell; `python -m bench cells` lists them"),
    (["train.lr=1"], "bad config at `train.lr`: unknown key; did you mean `optim.lr`?"),
]


@pytest.mark.parametrize(("words", "message"), MISTAKES, ids=[" ".join(words) for words, _ in MISTAKES])
def test_a_mistake_is_one_message_without_a_word_of_a_library(words, message, capsys):
    status, said = dispatch(words, capsys)
    assert (status, message in said) == (2, True), said
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert not [word for word in FOREIGN if word in said]


@pytest.mark.parametrize(
    "words",
    [
        ["-m", "seed=0,1"],
        ["--multirun", "cell=gru, lstm"],
        ["seed=0,1", "hydra.mode=MULTIRUN"],
        ["optim={lr:0.1}", "seed=1"],
        ["seed=[0,1]"],
        ["--cfg", "job", "--config-dir", "somewhere", "seed=1"],
        ["cell.new=1", "space.optim.lr=2", "let.x=3"],
        ["cell=lstm", "+cell.forget_bais=1"],
    ],
    ids=" ".join,
)
def test_what_is_no_mistake_passes(words):
    check_overrides(words)


def test_a_space_after_a_comma_inside_quotes_is_not_taken_for_a_stray_word():
    with pytest.raises(UsageError, match="unknown choice `gruu`"):
        check_overrides(["-m", "cell=gruu, lstm"])


@pytest.mark.parametrize("words", [["--version"], ["-m", "seed=0,1", "--version"]], ids=" ".join)
def test_the_version_is_that_of_the_project(words, capsys):
    from bench.__main__ import main

    with pytest.raises(SystemExit) as ended:
        main(words)
    assert (ended.value.code, capsys.readouterr().out) == (0, f"gatebench {__version__}\n")


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "-m", "bench", "-m", "seed=0"], "python -m bench"),
        (["python", "/usr/local/bin/gatebench", "seed=0"], "gatebench"),
        (["python", "-I", "/usr/local/bin/gatebench", "seed=0"], "gatebench"),
        (["python", "/usr/local/bin/gatebench", "-m", "seed=0,1"], "gatebench"),
        (["python", "-c", "pass"], "python -m bench"),
        (["python"], "python -m bench"),
    ],
    ids=" ".join,
)
def test_the_program_is_named_as_it_was_called(argv, name, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", argv)
    assert program() == name


@pytest.mark.parametrize(
    ("name", "legal", "clause"),
    [
        ("optim.learning_rate", {"optim.lr", "optim.name", "train.loss"}, "did you mean `optim.lr`?"),
        ("learning_rate", {"optim.lr", "name"}, "did you mean `optim.lr`?"),
        ("optim.zzz", {"optim.lr", "optim.name", "train.zz"}, "legal: optim.lr, optim.name"),
        ("grru", {"gru", "lstm"}, "did you mean `gru`?"),
        ("x", {"gru", "lstm"}, "legal: gru, lstm"),
    ],
)
def test_the_nearest_word_is_that_of_the_same_section(name, legal, clause):
    assert did_you_mean(name, legal) == clause


PRINTS = """
from bench import __main__ as program

program._dispatch = lambda words: print("line\\n" * 100_000) or 0
program.main([])
"""


def test_a_reader_that_goes_away_ends_a_command_in_silence():
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    command = subprocess.Popen(
        [sys.executable, "-c", PRINTS],
        env={**os.environ, "PYTHONPATH": root},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert command.stdout is not None
    assert command.stderr is not None
    assert command.stdout.readline() == "line\n"
    command.stdout.close()
    said = command.stderr.read()
    command.stderr.close()
    assert (command.wait(), said) == (0, "")
