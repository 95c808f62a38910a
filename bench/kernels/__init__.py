"""Kernels: interchangeable ways to run a cell over a whole sequence, forward and backward."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.cells import Cell
from bench.cells.base import Parameters, State
from bench.core.errors import ConfigError
from bench.core.typing import Float
from bench.kernels.bptt import BPTT
from bench.kernels.fused import Fused, missing
from bench.kernels.fused.build import found_compiler
from bench.kernels.fused.interface import library_digest
from bench.kernels.reference import Reference


@runtime_checkable
class SequenceKernel(Protocol):
    """Runs one layer of a cell over a batch of sequences, for a model differentiated by autograd."""

    @property
    def name(self) -> str:
        """Name of the kernel class; speeds are compared only within one."""
        ...

    def runs_on(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Return whether it supports this device and number type."""
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

SAID = "GATEBENCH_SAID_FUSED_IS_MISSING"
"""Environment variable that tells child processes that the line has been printed."""


def supports(kernel: Kernel, cell: Cell, device: torch.device, dtype: torch.dtype) -> bool:
    """Return whether a kernel computes a cell there; builds the fused library if needed."""
    return kernel.runs_on(device, dtype) and not (isinstance(kernel, Fused) and missing(cell, dtype))


def choose(name: str, cell: Cell, device: torch.device, dtype: torch.dtype) -> Kernel:
    """Return the kernel of that name, or with `auto` the fastest that supports the cell.

    Raises ConfigError. If `auto` has to do without the fused library, that is said once, also for child processes.
    """
    for kernel in FASTEST_FIRST:
        if name not in ("auto", kernel.name):
            continue
        if supports(kernel, cell, device, dtype):
            return kernel
        if isinstance(kernel, Fused) and kernel.runs_on(device, dtype):
            if name == kernel.name:
                raise ConfigError(
                    "kernel", f"must be {_or(SEQUENCE_KERNELS)} here, for {missing(cell, dtype)}; got {name}"
                )
            _say_once(f"the fused kernel is not available: {missing(cell, dtype)}; using a slower one")
    raise ConfigError("kernel", f"`{name}` does not run on {device} in {dtype}")


def library_of(kernel: Kernel, cell: Cell, dtype: torch.dtype) -> str:
    """Return the digest of the compiled library that a kernel computes a cell with, empty where it needs none."""
    return library_digest(cell, dtype) if isinstance(kernel, Fused) else ""


def available() -> tuple[str, ...]:
    """Return the names of the kernels that compute cells on this CPU; no library is built to find out."""
    on_cpu = torch.device("cpu"), torch.float32
    found = [kernel for kernel in FASTEST_FIRST if kernel.runs_on(*on_cpu)]
    return tuple(each.name for each in found if found_compiler() is not None or not isinstance(each, Fused))


def _or(kernels: Sequence[Kernel]) -> str:
    """Return in words which kernel names are allowed if these compute the cell."""
    *names, last = ["auto", *(kernel.name for kernel in kernels)]
    return f"{', '.join(names)} or {last}"


def _say_once(line: str) -> None:
    """Print a line unless this process or the one that started it has printed one."""
    if SAID not in os.environ:
        os.environ[SAID] = "1"
        print(line, file=sys.stderr, flush=True)


__all__ = [
    "BPTT",
    "FASTEST_FIRST",
    "SEQUENCE_KERNELS",
    "Fused",
    "Kernel",
    "Reference",
    "SequenceKernel",
    "available",
    "choose",
    "library_of",
    "supports",
]
