"""A point composed fast is what Hydra composes for it, to the type and the order of every key, and so is its error."""

from __future__ import annotations

import itertools
import random
import sys

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf.errors import OmegaConfBaseException

from bench.cli.app import PLUGINS
from bench.cli.compose import Composer, plain
from bench.cli.config import conf_dir, options
from tests.cli.test_config import GOOD
from tests.toys import write_text_task

SETTINGS = [
    "hidden_size=64",
    "hidden_size=null",
    "seed=3",
    "seed=007",
    "seed=1_000",
    "optim.lr=0.01",
    "optim.lr=1e-3",
    "optim.lr=nan",
    "optim.lr=-inf",
    "optim.nesterov=true",
    "optim.name=adam",
    "optim.name='null'",
    'optim.name="a,b"',
    "name=''",
    "name=",
    "name='it\\'s'",
    "name=a\\,b",
    "name=1.5e3x",
    "name=str(3)",
    "data_dir=/some/where else",
    "task.version=2",
    "task.title=Other",
    "cell.biases=single",
    "size.count=total",
]
"""Each gives a key that is there another plain value."""

OTHERS = [
    "cell=gru",
    "cell=lstm",
    "task=mine",
    "task=kjv_char",
    "size=params",
    "experiments=demo",
    "+cell.peepholes=true",
    "+cell.biases=single",
    "++cell.forget_bias=1.0",
    "++optim.lr=0.5",
    "+extra=[1,2.0,'x',null]",
    "optim={lr:0.25,name:sgd}",
    "train={window:7}",
    "optim=3",
    "cell.name=[a,b]",
    "task.sources=[]",
    "task.sources.0.file=other.txt",
    "name=${optim.name}",
    "seed=${num_layers}",
    "name='${optim.name}'",
    "seed=${no.key}",
    "name='\\${name}'",
    "seed=???",
    "cell.forget_bias=1",
    "seeed=1",
    "seed.deeper=1",
    "+seed=1",
    "~seed",
    "~seed=3",
    "cell@optim=lstm",
    "+cell@second=lstm",
    "task=nowhere",
    "cell=null",
    "cell=3",
    "hydra.verbose=true",
    "hydra/job_logging=none",
    "seed=1,2",
    "seed=range(3)",
    "seed=]",
    "folder=3",
]
"""Each asks for more than that, or for what cannot be."""


class Counting:
    """Hydra's loader, counting how often it composes."""

    def __init__(self, loader) -> None:
        self.loader, self.n = loader, 0

    def load_sweep_config(self, config, overrides):
        self.n += 1
        return self.loader.load_sweep_config(config, overrides)

    def get_group_options(self, *words):
        return self.loader.get_group_options(*words)


@pytest.fixture
def hydra(tmp_path, monkeypatch):
    """Hydra's loader and the config of a sweep, in a folder with a task of the user's own and other folders."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(PLUGINS), *sys.path])
    write_text_task(tmp_path, GOOD)
    (tmp_path / "folder").mkdir()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        yield (
            Counting(hydra.config_loader),
            hydra.compose_config("config", [], run_mode=RunMode.MULTIRUN, with_log_configuration=False),
        )


def outcome(compose, overrides):
    """Return everything there is to tell two compositions apart by: values, types and order, or the error."""
    try:
        return repr(compose(overrides))
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        return type(error), str(error), str(error.__cause__)


def assert_same(hydra, points):
    loader, config = hydra
    composer = Composer(loader, config)
    for overrides in points:
        wanted = outcome(lambda words: plain(loader.load_sweep_config(config, words)), overrides)
        assert outcome(composer.compose, overrides) == wanted, overrides


def test_each_kind_of_override_gives_what_hydra_gives(hydra):
    assert_same(hydra, [[override] for override in SETTINGS + OTHERS])


def test_every_shipped_task_cell_and_size_is_composed_as_hydra_does(hydra):
    groups = [
        [f"{group}={choice}" for choice in sorted(options(group, [conf_dir()]))] for group in ("task", "cell", "size")
    ]
    longest = max(groups, key=len)
    choices = list(zip(longest, *(itertools.cycle(group) for group in groups if group is not longest), strict=False))
    assert {choice for point in choices for choice in point} == {choice for group in groups for choice in group}
    assert_same(hydra, [[*choice, "optim.lr=1e-3", "task.version=3"] for choice in choices])


@pytest.mark.parametrize("seed", range(3))
def test_any_overrides_in_any_order_give_what_hydra_gives(seed, hydra):
    draw = random.Random(seed)
    few = [draw.sample(SETTINGS, draw.randint(1, 5)) + draw.sample(OTHERS, draw.randint(0, 2)) for _ in range(20)]
    assert_same(hydra, [draw.sample(words, len(words)) for words in few])


def test_settings_made_after_or_before_an_addition_of_the_same_key_keep_their_order(hydra):
    pairs = [
        ("optim.lr=0.5", "optim={lr:0.25}"),
        ("optim.lr=0.5", "++optim.lr=0.25"),
        ("seed=3", "~seed=3"),
        ("name=a", "experiments=demo"),
        ("cell.biases=single", "cell=lstm"),
        ("cell.biases=single", "cell={biases:double}"),
        ("task.version=5", "task@cell=mine"),
    ]
    assert_same(hydra, [order for pair in pairs for order in (list(pair), list(reversed(pair)))])


def test_an_experiment_with_interpolations_follows_what_each_point_sets(hydra, tmp_path):
    (tmp_path / "experiments").mkdir()
    text = "# @package _global_\nname: ${cell.name}-${seed}\n"
    (tmp_path / "experiments" / "mine.yaml").write_text(text)
    points = [["experiments=mine", f"cell={cell}", f"seed={seed}"] for cell in ("gru", "lstm") for seed in (1, 2)]
    loader, config = hydra
    composer = Composer(loader, config)
    assert [composer.compose(point)["name"] for point in points] == ["gru-1", "gru-2", "lstm-1", "lstm-2"]
    assert_same(hydra, points)


def test_plain_values_are_set_without_another_composition(hydra):
    loader, config = hydra
    composer = Composer(loader, config)
    for setting in SETTINGS:
        composer.compose([setting])
    assert loader.n == 1


def test_points_that_differ_in_plain_values_share_one_composition_and_equal_sections(hydra):
    loader, config = hydra
    composer = Composer(loader, config)
    constant = ["+extra=[1]", "size=params", "task.version=2"]
    swept = itertools.product(("gru", "lstm"), range(50), (0.1, 0.2))
    points = [[*constant, f"cell={cell}", f"seed={seed}", f"optim.lr={lr}"] for cell, seed, lr in swept]
    nodes = [composer.compose(point) for point in points]
    assert loader.n == 2
    assert {node["seed"] for node in nodes} == set(range(50))
    assert len({id(node["task"]) for node in nodes}) == 2
    assert len({id(node["optim"]) for node in nodes}) == 4
