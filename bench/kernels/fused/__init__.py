"""The fused kernel: whole training steps in C++, one member at a time, weights in cache and no padding computed.

`interface.step` is forward, loss and backward of a model; `interface.update` is clipping and the optimiser. Each cell
has a library of its own, compiled with what is printed from its equations.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from bench.cells import Cell
from bench.kernels.fused.build import REALS, BuildError
from bench.kernels.fused.interface import library


class Fused:
    """Whole steps in C++."""

    name = "fused"

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the library supports the device and number type; `missing` says whether there is a library."""
        return device.type == "cpu" and dtype in REALS


@lru_cache(maxsize=256)
def missing(cell: Cell, dtype: torch.dtype = torch.float32) -> str:
    """Return why there is no library of a cell on this machine, building it if needed; empty if there is one."""
    try:
        library(cell, dtype)
    except BuildError as error:
        return str(error)
    return ""
