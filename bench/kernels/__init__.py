"""Kernels: interchangeable ways to run a cell over a whole sequence, forward and backward."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.cells.base import Cell, Parameters, State
from bench.errors import ConfigError
from bench.kernels.reference import Reference
from bench.shapes import Float


@runtime_checkable
class Kernel(Protocol):
    """Runs one layer of a cell over a batch of sequences."""

    @property
    def name(self) -> str:
        """Name of the kernel class; speeds are compared only within one."""
        ...

    def supports(self, cell: Cell, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether the kernel can run this cell there."""
        ...

    def run(
        self, cell: Cell, x: Float[Tensor, "K B T I"], state: State, params: Parameters
    ) -> tuple[Float[Tensor, "K B T H"], State]:
        """Return the outputs at every step and the last state, differentiable."""
        ...


FASTEST_FIRST: tuple[Kernel, ...] = (Reference(),)


def choose(name: str, cell: Cell, device: torch.device, dtype: torch.dtype) -> Kernel:
    """Return the kernel of that name, or with `auto` the fastest that supports the cell."""
    for kernel in FASTEST_FIRST:
        if name in ("auto", kernel.name) and kernel.supports(cell, device, dtype):
            return kernel
    raise ConfigError("kernel", f"`{name}` does not support cell `{cell.name}` on {device} in {dtype}")
