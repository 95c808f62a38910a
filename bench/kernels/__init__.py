"""Kernels: interchangeable ways to run a cell over a whole sequence, forward and backward."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.cells.base import Cell, Parameters, State
from bench.errors import ConfigError
from bench.kernels.bptt import BPTT
from bench.kernels.fused import Fused
from bench.kernels.reference import Reference
from bench.shapes import Float


@runtime_checkable
class SequenceKernel(Protocol):
    """Runs one layer of a cell over a batch of sequences, for a model differentiated by autograd."""

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


Kernel = SequenceKernel | Fused
"""A sequence kernel, or the one that takes whole steps."""

SEQUENCE_KERNELS: tuple[SequenceKernel, ...] = (BPTT(), Reference())
FASTEST_FIRST: tuple[Kernel, ...] = (Fused(), *SEQUENCE_KERNELS)


def choose(name: str, cell: Cell, device: torch.device, dtype: torch.dtype) -> Kernel:
    """Return the kernel of that name, or with `auto` the fastest that supports the cell."""
    for kernel in FASTEST_FIRST:
        if name in ("auto", kernel.name) and kernel.supports(cell, device, dtype):
            return kernel
    raise ConfigError("kernel", f"`{name}` does not support cell `{cell.name}` on {device} in {dtype}")


__all__ = ["BPTT", "FASTEST_FIRST", "SEQUENCE_KERNELS", "Fused", "Kernel", "Reference", "SequenceKernel", "choose"]
