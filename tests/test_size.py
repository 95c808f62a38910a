"""Parameter counts are those of the real weights; the solver finds the nearest size."""

from __future__ import annotations

import pytest
from torch import nn

from bench.cells import cell_of
from bench.errors import ConfigError
from bench.model import Shape
from bench.settings import SizeSettings
from bench.size import solve_hidden_size
from tests.toys import cell_node


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


def test_a_missing_budget_is_refused():
    with pytest.raises(ConfigError, match=r"size.num_params.*is required"):
        solve_hidden_size(shape_of("lstm"), SizeSettings("params"))
