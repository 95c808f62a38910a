"""What lies beyond a range: half of it on its own scale, as far as the setting goes."""

from __future__ import annotations

import math

import pytest

from bench.core.schema import Range
from bench.core.settings.search_space import Dimension
from bench.core.settings.widening import beyond, limits_of, widened

LR = Dimension(low=1e-4, high=1e-2, log=True)
OPEN, NONE = Range(0, math.inf, open_low=True), Range()


def part(dimension, end, limits=NONE, first=None):
    found = beyond(dimension, end, limits, first)
    return None if found is None else tuple(pytest.approx(bound, rel=1e-9) for bound in found.bounds)


def test_limits_are_those_of_the_schema():
    assert limits_of("optim.lr") == OPEN
    assert limits_of("train.dropout").high < 1
    assert limits_of("hidden_size") == Range(1, 1_000_000)
    assert limits_of("num_layers") == Range(1, 16)
    assert limits_of("cell.forget_bias") == limits_of("optim.name") == limits_of("optim.colour") == Range()


@pytest.mark.parametrize(
    ("dimension", "end", "found"),
    [
        (LR, "upper", (1e-2, 1e-1)),
        (LR, "lower", (1e-5, 1e-4)),
        (Dimension(low=1, high=3), "upper", (3, 4)),
        (Dimension(low=1, high=3), "lower", (0, 1)),
        (Dimension(low=0.2, high=0.6, step=0.1), "upper", (0.7, 0.8)),
        (Dimension(low=0.2, high=0.65, step=0.1), "upper", (0.7, 0.8)),
        (Dimension(low=0.2, high=0.6, step=0.1), "lower", (0.0, 0.1)),
        (Dimension(low=20, high=200, whole=True, log=True), "upper", (201, 632)),
        (Dimension(low=20, high=200, whole=True, log=True), "lower", (6, 19)),
        (Dimension(low=1, high=4, whole=True), "upper", (5, 6)),
        (Dimension(low=1, high=2, whole=True), "upper", (3, 3)),
        (Dimension(low=0.0, high=0.99, log=True, complement=True), "upper", (0.99, 0.999)),
        (Dimension(low=0.9, high=0.99, log=True, complement=True), "lower", (1 - 0.1 * math.sqrt(10), 0.9)),
        (Dimension(low=0.2, high=0.6, complement=True), "upper", (0.6, 0.8)),
    ],
)
def test_the_new_part_has_half_the_range_on_the_scale_that_is_drawn_from(dimension, end, found):
    assert part(dimension, end) == found


@pytest.mark.parametrize(
    ("dimension", "end", "limits", "found"),
    [
        (Dimension(low=0.0, high=0.5), "lower", Range(0, 0.9), None),
        (Dimension(low=0.1, high=0.7), "upper", Range(0, 0.9), (0.7, 0.9)),
        (Dimension(low=0.1, high=0.9), "upper", Range(0, 0.9), None),
        (Dimension(low=1, high=15, whole=True), "upper", Range(1, 16), (16, 16)),
        (Dimension(low=1, high=16, whole=True), "upper", Range(1, 16), None),
        (Dimension(low=1, high=16, whole=True, log=True), "lower", Range(), None),
        (Dimension(low=0.1, high=0.5, step=0.2), "upper", Range(0, 0.8), (0.7, 0.7)),
        (Dimension(low=0.5, high=0.9, complement=True), "upper", Range(), (0.9, 1.0)),
    ],
)
def test_it_ends_where_the_setting_ends(dimension, end, limits, found):
    assert part(dimension, end, limits) == found


def test_an_open_limit_is_not_drawn():
    found = beyond(Dimension(low=0.1, high=0.9), "lower", OPEN)
    assert 0 < found.low < 1e-300
    assert beyond(Dimension(low=0.5, high=0.9, complement=True), "upper", Range()).high < 1


def test_widening_again_adds_as_much_as_before_and_not_more():
    wider = widened({"optim.lr": LR}, "optim.lr", "upper", 1e-2, 1e-1)["optim.lr"]
    assert wider.bounds == (1e-4, 1e-1)
    assert part(wider, "upper", first=LR) == (1e-1, 1.0)
    assert part(wider, "lower", first=LR) == (1e-5, 1e-4)
