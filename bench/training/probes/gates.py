"""The values of a cell's gates at one step, which the step itself does not return."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cells.base import Cell, Parameters, State, recurrent_product
from bench.cells.gru import GRU
from bench.cells.lstm import LSTM
from bench.core.typing import Bool, Float

Values = dict[str, torch.Tensor]


def gate_values(cell: Cell, state: State, wx: Float[torch.Tensor, "K B G"], params: Parameters) -> Values:
    """Return the value (K, B, H) of each gate of a step, between 0 and 1; nothing for a cell without gates."""
    if isinstance(cell, LSTM):
        return _lstm(cell, state, wx, params)
    return _gru(cell, state, wx, params) if isinstance(cell, GRU) else {}


def keeper_gate(cell: Cell) -> str | None:
    """Return the gate whose value is the fraction of the old state that is kept."""
    return "f" if isinstance(cell, LSTM) else "z" if isinstance(cell, GRU) else None


def _lstm(cell: LSTM, state: State, wx: torch.Tensor, params: Parameters) -> Values:
    h, c = state
    a = wx + recurrent_product(h, params["U"], params.get("b_recurrent"))
    a_i, a_f, _, a_o = a.chunk(4, dim=-1)
    if cell.peepholes:
        p_i, p_f, p_o = params["P"].unsqueeze(2).unbind(1)  # each (K, 1, H)
        new_c = cell.step(state, wx, params)[1]
        a_i, a_f, a_o = a_i + p_i * c, a_f + p_f * c, a_o + p_o * new_c
    return {"i": a_i.sigmoid(), "f": a_f.sigmoid(), "o": a_o.sigmoid()}


def _gru(cell: GRU, state: State, wx: torch.Tensor, params: Parameters) -> Values:
    (h,) = state
    a = wx + recurrent_product(h, params["U"], params.get("b_recurrent"))
    r, z, _ = a.chunk(3, dim=-1)  # the reset place changes the candidate alone
    return {"r": r.sigmoid(), "z": z.sigmoid()}


CLOSED, OPEN = 0.1, 0.9
"""Below and above which a gate counts as saturated (Karpathy et al. 2015, arXiv 1506.02078, section 4.2)."""


def saturation(
    gate: Float[Tensor, "T B H"], mask: Bool[Tensor, "B T"], *, n_bins: int = 20
) -> tuple[Float[Tensor, "N"], Float[Tensor, "H"], Float[Tensor, "H"]]:
    """Return a histogram of a gate's values over [0, 1], and each unit's fractions of closed and open steps."""
    values = gate.transpose(0, 1)[mask]  # (steps, H)
    counts = torch.histc(values, n_bins, 0.0, 1.0)
    return counts / counts.sum(), (values < CLOSED).double().mean(0), (values > OPEN).double().mean(0)


def time_constants(keep: Float[Tensor, "T B H"], mask: Bool[Tensor, "B T"]) -> Float[Tensor, "H"]:
    """Return in how many steps each unit's state falls to 1/e by its keeping gate alone: -1 / mean(log gate).

    Exact where the gate is constant; otherwise the constant of the geometric mean. Source: Tallec and Ollivier 2018,
    arXiv 1804.11188, section 2.
    """
    return -1 / keep.transpose(0, 1)[mask].log().mean(0)
