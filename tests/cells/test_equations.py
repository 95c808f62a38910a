"""One step of each cell, worked out by hand from the equations in its docstring."""

from __future__ import annotations

import math

import pytest
import torch

from bench.cells import cell_of
from bench.core.errors import ConfigError
from tests.toys import cell_node


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


def one(*values: float) -> torch.Tensor:
    """Return scalars as a (K=1, B=1, G) tensor."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, -1)


def scalar_params(U: list[float], b_recurrent: list[float] | None = None, P: list[float] | None = None) -> dict:
    params = {"U": torch.tensor(U, dtype=torch.float64).view(1, -1, 1)}
    if b_recurrent is not None:
        params["b_recurrent"] = torch.tensor(b_recurrent, dtype=torch.float64).view(1, -1)
    if P is not None:
        params["P"] = torch.tensor(P, dtype=torch.float64).view(1, 3, 1)
    return params


def test_tanh_step_matches_its_equation():
    (h,) = cell_of(cell_node("tanh")).step((one(0.5),), one(0.3), scalar_params([0.8], [0.1]))
    assert h.item() == pytest.approx(math.tanh(0.3 + 0.8 * 0.5 + 0.1), abs=1e-15)


def test_lstm_step_matches_its_equations():
    h0, c0, wx, U = 0.5, -0.4, (0.1, 0.2, 0.3, 0.4), [0.6, -0.7, 0.8, -0.9]
    h, c = cell_of(cell_node("lstm")).step((one(h0), one(c0)), one(*wx), scalar_params(U))
    i, f, g, o = (w + u * h0 for w, u in zip(wx, U, strict=True))
    expected = sigmoid(f) * c0 + sigmoid(i) * math.tanh(g)
    assert c.item() == pytest.approx(expected, abs=1e-15)
    assert h.item() == pytest.approx(sigmoid(o) * math.tanh(expected), abs=1e-15)


def test_lstm_peepholes_see_the_old_cell_at_i_and_f_and_the_new_cell_at_o():
    h0, c0, wx, U, P = 0.5, -0.4, (0.1, 0.2, 0.3, 0.4), [0.6, -0.7, 0.8, -0.9], [1.1, -1.2, 1.3]
    cell = cell_of(cell_node("lstm", peepholes=True))
    h, c = cell.step((one(h0), one(c0)), one(*wx), scalar_params(U, P=P))
    i, f, g, o = (w + u * h0 for w, u in zip(wx, U, strict=True))
    expected = sigmoid(f + P[1] * c0) * c0 + sigmoid(i + P[0] * c0) * math.tanh(g)
    assert c.item() == pytest.approx(expected, abs=1e-15)
    assert h.item() == pytest.approx(sigmoid(o + P[2] * expected) * math.tanh(expected), abs=1e-15)


@pytest.mark.parametrize("reset", ["after", "before"])
def test_gru_step_matches_its_equations(reset):
    h0, wx, U, b = 0.5, (0.1, 0.2, 0.3), [0.6, -0.7, 0.8], [0.05, 0.15, 0.25]
    (h,) = cell_of(cell_node("gru", reset=reset)).step((one(h0),), one(*wx), scalar_params(U, b))
    r = sigmoid(wx[0] + U[0] * h0 + b[0])
    z = sigmoid(wx[1] + U[1] * h0 + b[1])
    inner = r * (U[2] * h0 + b[2]) if reset == "after" else U[2] * (r * h0) + b[2]
    n = math.tanh(wx[2] + inner)
    assert h.item() == pytest.approx((1 - z) * n + z * h0, abs=1e-15)


def test_the_two_grus_are_different_models():
    generator = torch.Generator().manual_seed(0)
    h, wx = torch.randn(1, 4, 6, generator=generator), torch.randn(1, 4, 18, generator=generator)
    params = {"U": torch.randn(1, 18, 6, generator=generator)}
    after, before = (cell_of(cell_node("gru", reset=reset)).step((h,), wx, params)[0] for reset in ("after", "before"))
    assert (after - before).abs().max() > 0.1


def test_an_unknown_cell_is_refused_with_the_nearest_name():
    with pytest.raises(ConfigError, match="unknown cell 'grru'; did you mean `gru`"):
        cell_of({"name": "x", "kind": "grru"})
