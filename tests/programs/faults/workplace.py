"""A working directory with one small task, and the commands that are given in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.cli.config import conf_dir
from tests.cli.test_config import GOOD
from tests.toys import write_text_task

BUDGET = ("train.max_epochs=0", "train.max_updates=150", "train.evaluate_every=15")

UNREPORTED = "report=false"
"""For commands that are given in hundreds where the report is not what is put to the test."""

SGD = ("optim.name=sgd", "optim.lr=0.1", "optim.momentum=0.9", "optim.nesterov=true")

VARIANTS = (
    ("cell=gru", "num_layers=2", "train.dropout=0.2", "optim.schedule=plateau", "optim.plateau_patience=1"),
    ("cell=lstm", *SGD, "train.weight_noise=0.05"),
    ("cell=tanh", "optim.name=rmsprop", "optim.schedule=zaremba", "train.output_dropout=0.1"),
    ("cell=gru", "kernel=bptt", "optim.name=adamw", "optim.schedule=linear", "train.input_dropout=0.1"),
)
"""Settings of single Runs that between them keep every kind of state there is."""


def command(*changes: str, often: bool = True) -> list[str]:
    """Return the words of a small command; `often` makes a checkpoint after every update where there are any."""
    words = ["task=mine", "hidden_size=6", *changes]
    return [*words, "checkpoint_seconds=0"] if often and "checkpoint_seconds" in config_text() else words


def single(variant: int, *changes: str) -> list[str]:
    """Return the words of one Run with one of the variants' settings."""
    return command(*BUDGET, *VARIANTS[variant % len(VARIANTS)], *changes)


def sweep(*changes: str) -> list[str]:
    """Return the words of a sweep of four Runs whose weights are kept."""
    return ["-m", *command(*BUDGET, "cell=gru,tanh", "seed=0,1", "keep=best", *changes)]


def tuning(*changes: str) -> list[str]:
    """Return the words of a tuning of two cells, with four trials and two confirmations of each."""
    words = ("cell=gru,tanh", "space=lr", "tune.n_trials=4", "tune.confirm_seeds=2")
    return ["-m", *command(*BUDGET, *words, *changes)]


def config_text() -> str:
    """Return the shipped config, to see what can be set."""
    return (conf_dir() / "config.yaml").read_text(encoding="utf-8")


@contextmanager
def workplace(at: Path | None = None) -> Iterator[Path]:
    """Give a working directory, alone in a folder that is gone afterwards; `at` is one that is there already."""
    above = at.parent if at else Path(tempfile.mkdtemp(prefix="faults-")).resolve()
    folder = above / "work"
    try:
        write_text_task(folder, GOOD)
        yield folder
    finally:
        shutil.rmtree(above, ignore_errors=True)
