"""The fused kernel: whole training steps in C++, one member at a time, weights in cache and no padding computed.

`interface.step` is forward, loss and backward of a model; `interface.update` is clipping and the optimiser. Each cell
has a library of its own, compiled with what is printed from its equations.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from bench.cells import Cell
from bench.kernels.fused.build import BuildError
from bench.kernels.fused.interface import SUFFIX, library


class Fused:
    """Whole steps in C++."""

    name = "fused"

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the library supports the device and number type; `missing` says whether there is a library."""
        return device.type == "cpu" and dtype in SUFFIX


@lru_cache(maxsize=256)
def missing(cell: Cell) -> str:
    """Return why there is no library of a cell on this machine, building it if needed; empty if there is one."""
    try:
        library(cell)
    except BuildError as error:
        return str(error)
    return ""
