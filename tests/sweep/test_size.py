"""Counts are those of the real weights and of torch's own counter; the solver finds the nearest size."""

from __future__ import annotations

import dataclasses
from random import Random
from statistics import fmean, stdev

import pytest
import torch
import yaml
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.cells import cell_of, shipped_cell
from bench.cli.config import conf_dir
from bench.core.errors import ConfigError
from bench.core.settings import SizeSettings
from bench.kernels import Reference
from bench.sweep.size import check_within_budget, solve_for_seconds, solve_hidden_size
from bench.training.model import Shape, forward, zero_state
from tests.toys import cell_node
from tests.training.test_loop import UNBIASED


def shape_of(cell: str, **fields):
    return lambda hidden: Shape(cell_of(cell_node(cell, **fields)), 88, 88, 0, hidden, 1)


@pytest.mark.parametrize(("cell", "module"), [("tanh", nn.RNN), ("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_recurrent_counts_are_torch_nns(cell, module):
    counts = shape_of(cell)(46).num_params()
    assert counts["recurrent"] == sum(p.numel() for p in module(88, 46).parameters())
    assert counts["readout"] == 46 * 88 + 88
    assert counts["total"] == counts["recurrent"] + counts["readout"]


@pytest.mark.parametrize(
    ("cell", "hidden_size", "count"), [("lstm", 36, 18_144), ("gru", 46, 18_768), ("tanh", 100, 19_000)]
)
def test_the_sizes_of_chung_2014_have_the_counts_known_for_88_keys(cell, hidden_size, count):
    assert shape_of(cell)(hidden_size).num_params()["recurrent"] == count


@pytest.mark.parametrize(
    ("name", "hidden_size", "count"),
    [
        ("tanh", 100, 88 * 100 + 100 * 100),
        ("gru_before", 46, 3 * (88 * 46 + 46 * 46)),
        ("lstm_peephole", 36, 4 * (88 * 36 + 36 * 36) + 3 * 36),
    ],
)
def test_a_layer_without_biases_has_the_count_of_its_products_and_own_vectors(name, hidden_size, count):
    shape = Shape(shipped_cell(name, biases="none"), 88, 88, 0, hidden_size, 1)
    readout = 88 * hidden_size + 88
    wanted = {"recurrent": count, "embedding": 0, "readout": readout, "total": count + readout}
    assert shape.num_params() == wanted
    assert sum(view.numel() for view in shape.views(torch.zeros(1, shape.row_size)).values()) == wanted["total"]
    for budget in (count - hidden_size, count, count + hidden_size):
        settings = SizeSettings("params", budget)
        assert solve_hidden_size(lambda h: dataclasses.replace(shape, hidden_size=h), settings) == hidden_size


@pytest.mark.parametrize("count", ["recurrent", "total"])
@pytest.mark.parametrize("budget", [1_000, 5_000, 20_000, 1_000_000])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_no_other_hidden_size_is_nearer_to_the_budget(cell, budget, count):
    best = solve_hidden_size(shape_of(cell), SizeSettings("params", budget, count))
    residual = {h: abs(shape_of(cell)(h).num_params()[count] - budget) for h in (best - 1, best, best + 1) if h > 0}
    assert min(residual, key=residual.__getitem__) == best


def test_gru_has_three_quarters_of_the_lstms_recurrent_parameters_at_equal_width():
    gru, lstm = (shape_of(cell)(64).num_params()["recurrent"] for cell in ("gru", "lstm"))
    assert 4 * gru == 3 * lstm


def test_peepholes_are_counted():
    with_, without = (shape_of("lstm", peepholes=p)(36).num_params()["recurrent"] for p in (True, False))
    assert with_ - without == 3 * 36


def test_an_impossible_budget_is_refused():
    with pytest.raises(ConfigError, match="one unit already has"):
        solve_hidden_size(shape_of("lstm"), SizeSettings("params", 10))


@pytest.mark.parametrize(("cell", "hidden_size"), [("tanh", 100), ("gru", 46), ("lstm", 36)])
def test_the_sizes_of_chung_2014_are_within_five_percent_of_one_budget(cell, hidden_size):
    check_within_budget(shape_of(cell)(hidden_size), SizeSettings("params", 18_500))


def test_a_given_size_is_refused_where_its_count_is_off_the_budget():
    with pytest.raises(ConfigError, match=r"hidden_size.*46 has .* total parameters, \+24% of the budget of 18,500"):
        check_within_budget(shape_of("gru")(46), SizeSettings("params", 18_500, "total"))


def test_a_missing_budget_is_refused():
    with pytest.raises(ConfigError, match=r"size.num_params.*is required"):
        solve_hidden_size(shape_of("lstm"), SizeSettings("params"))


def counted_flops(shape: Shape) -> float:
    """Return the operations of one unit's forward pass on the reference kernel, as torch counts them."""
    B, T, rows = 3, 4, torch.zeros(1, shape.row_size)
    inputs = torch.zeros(1, B, T, shape.n_inputs) if shape.n_inputs else torch.zeros(1, B, T, dtype=torch.int64)
    with FlopCounterMode(display=False) as counter:
        forward(shape, shape.views(rows), inputs, zero_state(shape, 1, B, rows), Reference())
    return counter.get_total_flops() / (B * T)


def shipped_cells():
    """Every cell of conf/cell, with each of its switches the other way too."""
    for path in sorted((conf_dir() / "cell").glob("*.yaml")):
        node = yaml.safe_load(path.read_text())
        yield node
        yield from ({**node, name: not value} for name, value in node.items() if isinstance(value, bool))
        if "biases" in node:
            yield {**node, "biases": "single"}
    yield from UNBIASED
    yield cell_node("gru", reset="before")


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("inputs", [(88, 88, 0), (0, 50, 6)], ids=["frames", "tokens"])
@pytest.mark.parametrize("node", list(shipped_cells()), ids=str)
def test_operations_are_those_that_torch_counts(node, inputs, n_layers):
    shape = Shape(cell_of(node), *inputs, 7, n_layers)
    flops = shape.num_flops()
    assert flops["total"] == counted_flops(shape)
    assert flops["readout"] == 2 * 7 * shape.n_outputs
    assert flops["recurrent"] == flops["total"] - flops["readout"]


@pytest.mark.parametrize("count", ["recurrent", "total"])
@pytest.mark.parametrize("budget", [2_000, 40_000, 1_000_000])
@pytest.mark.parametrize("cell", ["tanh", "lstm", "gru"])
def test_no_other_hidden_size_is_nearer_to_the_budget_of_operations(cell, budget, count):
    best = solve_hidden_size(shape_of(cell), SizeSettings("flops", count=count, num_flops=budget))
    residual = {h: abs(shape_of(cell)(h).num_flops()[count] - budget) for h in (best - 1, best, best + 1) if h > 0}
    assert min(residual, key=residual.__getitem__) == best


def test_an_impossible_budget_of_operations_is_refused():
    with pytest.raises(ConfigError, match=r"size.num_flops.*one unit already takes 712 recurrent operations"):
        solve_hidden_size(shape_of("lstm"), SizeSettings("flops", num_flops=10))


def us_at(hidden_size: int) -> float:
    """A made-up time: overhead, input and readout, recurrence."""
    return 1.0 + 0.01 * hidden_size + 0.0001 * hidden_size**2


def seconds(budget: float) -> SizeSettings:
    return SizeSettings("seconds", us_per_unit=budget)


@pytest.mark.parametrize("budget", [0.9, 1.01, 1.05, 1.2, 2.0, 5.0, 40.0, 300.0, 5000.0])
def test_the_fit_finds_the_size_whose_time_is_nearest_to_within_a_thousandth_of_the_budget(budget):
    best, us = solve_for_seconds(lambda sizes: [us_at(size) for size in sizes], seconds(budget))
    nearest = min(range(1, 10_000), key=lambda size: abs(us_at(size) - budget))
    assert us == us_at(best)
    assert abs(us - budget) <= abs(us_at(nearest) - budget) + 0.001 * budget


def test_noise_of_each_measurement_moves_the_answer_less_than_itself():
    random = Random(0)
    answers = [
        solve_for_seconds(lambda sizes: [us_at(size) * random.gauss(1, 0.02) for size in sizes], seconds(40.0))[0]
        for _ in range(50)
    ]
    errors = [us_at(best) / 40.0 - 1 for best in answers]
    assert abs(fmean(errors)) < 0.01
    assert stdev(errors) < 0.02


def test_where_time_does_not_grow_with_size_the_answer_is_the_size_that_was_measured_nearest():
    def timed(sizes):
        return [3 - 0.1 * size for size in sizes] if len(sizes) > 1 else [1.0 if sizes[0] < 4 else 2.6]

    assert solve_for_seconds(timed, seconds(2.5))[0] == 5  # 2.8, 2.7, 2.6 at 2 to 4; then up to 2.4 at 6


def test_a_budget_of_time_below_half_of_one_unit_is_refused():
    with pytest.raises(
        ConfigError, match=r"size.us_per_unit.*one unit already takes 1.01 microseconds, got a budget of"
    ):
        solve_for_seconds(lambda sizes: [us_at(size) for size in sizes], seconds(0.5))


def test_a_budget_of_time_beyond_the_largest_model_is_refused():
    message = "the largest model that can be timed here takes 2.05 microseconds, got 5; that one has 64 units"
    with pytest.raises(ConfigError, match=message):
        solve_for_seconds(lambda sizes: [us_at(size) for size in sizes], seconds(5.0), fits=lambda size: size <= 100)


def test_a_missing_budget_of_time_is_refused_before_anything_is_timed():
    with pytest.raises(ConfigError, match=r"size.us_per_unit.*is required"):
        solve_for_seconds(pytest.fail, SizeSettings("seconds"))
