"""The fused kernel: whole training steps in C++, one member at a time, weights in cache and no padding computed.

`interface.step` is forward, loss and backward of a model; `interface.update` is clipping and the optimiser.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

import torch

from bench.cells.base import Cell
from bench.cells.gru import GRU
from bench.cells.lstm import LSTM
from bench.cells.tanh import Tanh
from bench.kernels.computes import ANY, BIASES, Known, unknown_of
from bench.kernels.fused.build import BuildError
from bench.kernels.fused.interface import SUFFIX, library

COMPUTES: Known = MappingProxyType(
    {
        Tanh: {"biases": BIASES},
        LSTM: {"peepholes": (False, True), "forget_bias": ANY, "biases": BIASES},
        GRU: {"reset": ("after", "before"), "biases": BIASES},
    }
)
"""The cells of the library."""


def cell_number(cell: Cell) -> int | None:
    """Return the library's number of a cell, or None for a cell it does not have."""
    if unknown_of(cell, COMPUTES):
        return None
    if isinstance(cell, GRU):
        return 3 if cell.reset == "after" else 4
    if isinstance(cell, LSTM):
        return 2 if cell.peepholes else 1
    return 0


class Fused:
    """Whole steps in C++."""

    name = "fused"

    def unknown(self, cell: Cell) -> str:
        """Return which part of a cell the library does not have."""
        return unknown_of(cell, COMPUTES)

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the library supports the device and number type; `missing` says whether there is a library."""
        return device.type == "cpu" and dtype in SUFFIX


@cache
def missing() -> str:
    """Return why there is no library on this machine, building it if needed; empty if there is one."""
    try:
        library()
    except BuildError as error:
        return str(error)
    return ""
