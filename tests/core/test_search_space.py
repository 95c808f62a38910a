"""Dimensions: what is drawn for a setting, and where a setting lies in them."""

from __future__ import annotations

import math

import pytest
import yaml

from bench.cli.config import conf_dir
from bench.core.errors import ConfigError
from bench.core.settings.search_space import Dimension, space_of

MOMENTUM = Dimension(low=0.0, high=0.99, log=True, complement=True)
VALUES = [0.0, 1e-9, 0.1, 0.3, 0.5, 0.7, 0.9, 0.95, 0.99]


def test_a_complement_is_drawn_between_one_minus_its_bounds():
    assert MOMENTUM.bounds == (0.0, 0.99)
    assert MOMENTUM.drawn_bounds == (1 - 0.99, 1.0)
    assert [MOMENTUM.value_of(drawn) for drawn in MOMENTUM.drawn_bounds] == [0.99, 0.0]


def test_any_other_dimension_is_drawn_as_it_is():
    lr = Dimension(low=1e-6, high=1e-2, log=True)
    assert lr.drawn_bounds == lr.bounds
    assert lr.value_of(0.003) == lr.drawn_of(0.003) == 0.003


@pytest.mark.parametrize("value", VALUES)
def test_a_setting_and_what_is_drawn_for_it_give_each_other_back(value):
    again = MOMENTUM.value_of(MOMENTUM.drawn_of(value))
    assert abs(again - value) <= 2**-54  # half of the last place of a number next to 1
    assert MOMENTUM.drawn_of(again) == MOMENTUM.drawn_of(value)
    if value >= 0.5:
        assert again == value


@pytest.mark.parametrize("high", [0.1, 0.3, 0.7, 0.9, 0.99, 0.999])
def test_no_draw_gives_a_setting_outside_its_bounds(high):
    dimension = Dimension(low=0.05, high=high, complement=True)
    low_drawn, high_drawn = dimension.drawn_bounds
    drawn = [low_drawn, math.nextafter(low_drawn, 2), math.nextafter(high_drawn, 0), high_drawn]
    assert all(0.05 <= dimension.value_of(each) <= high for each in drawn)
    assert all(low_drawn <= dimension.drawn_of(value) <= high_drawn for value in (0.05, high))


@pytest.mark.parametrize(
    ("dimension", "value", "place"),
    [
        (Dimension(low=0.0, high=4.0), 0.0, 0.0),
        (Dimension(low=0.0, high=4.0), 1.0, 0.25),
        (Dimension(low=1e-4, high=1e-2, log=True), 1e-3, 0.5),
        (Dimension(low=20, high=200, log=True, whole=True), 200, 1.0),
        (MOMENTUM, 0.0, 0.0),
        (MOMENTUM, 0.9, 0.5),
        (MOMENTUM, 0.99, 1.0),
        (Dimension(low=0.0, high=0.8, complement=True), 0.6, 0.75),
        (Dimension(low=0.0, high=4.0), 5.0, 1.0),
    ],
    ids=str,
)
def test_a_place_is_the_share_of_the_way_from_low_to_high_on_the_scale_of_the_draw(dimension, value, place):
    assert dimension.place_of(value) == pytest.approx(place, abs=1e-12)


def test_choices_have_no_places():
    with pytest.raises(ValueError, match="no bounds"):
        Dimension(choices=(1, 2)).place_of(1)


BAD = [
    ({"low": 0.0, "high": 1.0}, r"`space.x.high`: must be below 1 where complement is true, got 1"),
    ({"low": 0.0, "high": 0.5, "step": 0.1}, r"`space.x.complement`: cannot be combined with whole or step"),
    ({"low": -2, "high": 0, "whole": True}, r"`space.x.complement`: cannot be combined with whole or step"),
    ({"choices": [0.5, 0.9]}, r"`space.x.complement`: is for a number with low and high, not for choices"),
    ({"low": 0.5, "high": 0.1}, "needs low below high, got 0.5 and 0.1"),
    ({"low": 0.0, "high": 1e-20}, "needs low below high, got 0.0 and 1e-20"),
]


@pytest.mark.parametrize(("node", "message"), BAD, ids=[message for _, message in BAD])
def test_a_complement_that_cannot_be_drawn_is_refused(node, message):
    with pytest.raises(ConfigError, match=message):
        space_of({"x": {**node, "complement": True}})


def test_every_shipped_space_can_be_read():
    for path in (conf_dir() / "space").glob("*.yaml"):
        space_of(yaml.safe_load(path.read_text()), path.stem)


def test_the_space_of_greff_2017_is_the_printed_one():
    space = space_of(yaml.safe_load((conf_dir() / "space" / "greff2017.yaml").read_text()))
    drawn = {path: (*dimension.drawn_bounds, dimension.log) for path, dimension in space.items()}
    assert drawn == {
        "hidden_size": (20, 200, True),
        "optim.lr": (1e-6, 1e-2, True),
        "optim.momentum": (pytest.approx(0.01), 1.0, True),
        "train.input_noise": (0.0, 1.0, False),
    }
    assert [path for path, dimension in space.items() if dimension.whole] == ["hidden_size"]
    assert [path for path, dimension in space.items() if dimension.complement] == ["optim.momentum"]
