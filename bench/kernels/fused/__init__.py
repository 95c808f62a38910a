"""The fused kernel: whole training steps in C++, one member at a time, weights in cache and no padding computed.

`interface.step` is forward, loss and backward of a model; `interface.update` is clipping and the optimiser.
"""

from __future__ import annotations

import sys
from functools import cache

import torch

from bench.cells.base import Cell
from bench.kernels.fused.build import BuildError
from bench.kernels.fused.interface import SUFFIX, library

NUMBERS = {("tanh",): 0, ("lstm", False): 1, ("lstm", True): 2, ("gru", "after"): 3, ("gru", "before"): 4}


def cell_number(cell: Cell) -> int | None:
    """Return the library's number of a cell, or None for a cell it does not have."""
    for field in ("peepholes", "reset"):
        if hasattr(cell, field):
            return NUMBERS.get((getattr(cell, "kind", ""), getattr(cell, field)))
    return NUMBERS.get((getattr(cell, "kind", ""),))


class Fused:
    """Whole steps in C++."""

    name = "fused"

    def supports(self, cell: Cell, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the library has the cell, and can be had at all."""
        return device.type == "cpu" and dtype in SUFFIX and cell_number(cell) is not None and is_available()


@cache
def is_available() -> bool:
    """Return whether the library is built or can be; say once why not."""
    try:
        library()
    except BuildError as error:
        print(f"the fused kernel is not available: {error}; going on with a slower one", file=sys.stderr, flush=True)
        return False
    return True
