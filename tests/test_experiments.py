"""Every experiment is made of settings that there are, and asks what its file says it asks."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import sys

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.types import RunMode

from bench.cli.app import PLUGINS
from bench.cli.compose import Composer
from bench.cli.config import command_of, conf_dir, options
from tests.training.test_released_rules import RELEASED


@contextlib.contextmanager
def found_plugins():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(PLUGINS), *sys.path])
        yield


@functools.cache
def commands(name: str, *changes: str):
    """Return the commands of an experiment's points of one seed, each composed from the values that it sweeps."""
    with found_plugins(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        words = [f"experiments={name}", *changes]
        config = hydra.compose_config("config", words, run_mode=RunMode.MULTIRUN, with_log_configuration=False)
        lines = [f"{key}={values}" for key, values in (config.hydra.sweeper.params or {}).items()]
        parser = OverridesParser.create(config_loader=hydra.config_loader)
        swept = [
            [f"{each.key_or_group}={value}" for value in each.sweep_string_iterator()][
                : 1 if each.key_or_group == "seed" else None
            ]
            if each.is_sweep_override()
            else [each.input_line]
            for each in parser.parse_overrides(lines)
        ]
        composer = Composer(hydra.config_loader, config)
        return [command_of(composer.compose([*words, *point])) for point in itertools.product(*swept)]


LARGE = "claims_small"
"""The experiment with the most points to compose."""


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(n, marks=pytest.mark.long) if n == LARGE else n
        for n in sorted(options("experiments", [conf_dir()]))
    ],
)
def test_every_experiment_is_made_of_settings_that_there_are(name):
    made = commands(name)
    assert {each.name for each in made} == {name}
    assert len({each.task["name"] + each.cell["name"] for each in made}) > 1


def test_chung_2014_has_their_cells_at_their_sizes_and_once_more_at_an_equal_total():
    made = commands("chung2014")
    assert len(made) == 4 * 3 * 2
    sizes = {(each.cell["name"], each.size.count): each.hidden_size for each in made}
    units = {"gru_before": 46, "lstm_peephole": 36, "tanh": 100}
    assert sizes == {(cell, "recurrent"): n for cell, n in units.items()} | {(cell, "total"): None for cell in units}
    assert {each.size.num_params for each in made if each.size.count == "total"} == {20_000}
    assert {each.cell["biases"] for each in made} == {"single"}
    assert {(each.tune.n_trials, each.tune.confirm_seeds) for each in made} == {(30, 10)}


def test_chung_2014_has_a_small_scale():
    assert {each.tune.n_trials for each in commands("chung2014", "scale=lite")} == {6}


def test_chung_2014_as_released_has_the_cells_at_their_sizes_of_print_and_of_the_released_code():
    made = commands("chung2014_released")
    assert len(made) == 4 * 4
    assert {(each.cell["name"], each.hidden_size, each.cell["biases"]) for each in made} == {
        ("gru_before", 46, "single"),
        ("lstm", 36, "single"),
        ("lstm_peephole", 36, "none"),
        ("tanh", 100, "single"),
    }
    assert {(each.tune.replications, each.tune.n_trials, type(each.tune.sampler).__name__) for each in made} == {
        (10, 10, "RandomSearch")
    }


def test_chung_2014_as_released_has_the_rules_of_the_released_code():
    """Those that `tests/training/test_released_rules.py` computes a second time, and the rest of their files."""
    made = commands("chung2014_released")
    assert {dataclasses.replace(each.optim, lr=1.0) for each in made} == {
        dataclasses.replace(RELEASED.optim, lr=1.0),
    }
    own = {"max_epochs": 1, "noisy_validation": True}
    assert {dataclasses.replace(each.train, max_epochs=1) for each in made} == {
        dataclasses.replace(RELEASED.train, **own),
    }
    assert {each.init for each in made} == {RELEASED.init}
    assert {each.task["first_step"] for each in made} == {"given"}


def test_chung_2014_as_released_has_a_small_scale():
    lite, full = commands("chung2014_released", "scale=lite"), commands("chung2014_released")
    assert {(each.tune.replications, each.tune.n_trials) for each in lite} == {(3, 4)}
    for small, large in zip(lite, full, strict=True):
        assert small.train.max_epochs <= large.train.max_epochs / 4
