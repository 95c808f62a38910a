"""The gates of a cell: their values at one step, and which of them keeps the old state."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.cells import Cell
from bench.cells.base import Parameters, State
from bench.cells.expressions import ONE, Expression, Operation, Symbol, derivative
from bench.core.typing import Bool, Float

Values = dict[str, torch.Tensor]


def gate_values(cell: Cell, state: State, wx: Float[torch.Tensor, "K B G"], params: Parameters) -> Values:
    """Return the value (K, B, H) of each gate of a step, between 0 and 1; nothing for a cell without gates.

    A gate is a line of the equations that is a sigmoid.
    """
    gates = _gates(cell)
    if not gates:
        return {}
    known = cell.values_at(state, wx, params).known
    return {name: known[symbol] for name, symbol in gates.items()}


def kept_share(cell: Cell, gates: Values) -> tuple[str, Tensor] | None:
    """Return the gate that decides what is kept of the old state, and the share that is kept; None if none does.

    It is the gate, or 1 minus the gate, that the equations multiply the state before the step by.
    """
    names = {symbol: name for name, symbol in _gates(cell).items()}
    for state, output in zip(cell.states[::-1], cell.program.outputs[::-1], strict=True):
        rate = derivative(_written_out(cell, output), Symbol("state", state))
        if isinstance(rate, Symbol) and rate in names:
            return names[rate], gates[names[rate]]
        is_rest = isinstance(rate, Operation) and (rate.operator, rate.left) == ("-", ONE)
        if isinstance(rate, Operation) and is_rest and isinstance(rate.right, Symbol) and rate.right in names:
            return names[rate.right], 1 - gates[names[rate.right]]
    return None


def _gates(cell: Cell) -> dict[str, Symbol]:
    sigmoids = {node.symbol for node in cell.program.nodes if node.function == "sigmoid"}
    return {
        name: value for name, value in cell.program.named.items() if isinstance(value, Symbol) and value in sigmoids
    }


def _written_out(cell: Cell, expression: Expression) -> Expression:
    """Return what a name stands for."""
    for node in cell.program.nodes:
        if node.symbol == expression and node.function == "same":
            return node.arguments[0]
    return expression


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
    """Return in how many steps each unit's state falls to 1/e by the share that is kept: -1 / mean(log share).

    Exact where the share is constant; otherwise the constant of the geometric mean. Source: Tallec and Ollivier 2018,
    arXiv 1804.11188, section 2.
    """
    return -1 / keep.transpose(0, 1)[mask].log().mean(0)
