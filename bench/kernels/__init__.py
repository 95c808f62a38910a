"""Kernels: interchangeable ways to run a cell over a whole sequence, forward and backward."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from bench.cells.base import Cell, Parameters, State
from bench.core.errors import ConfigError
from bench.core.typing import Float
from bench.kernels.bptt import BPTT
from bench.kernels.fused import Fused, missing
from bench.kernels.fused.interface import library_digest
from bench.kernels.reference import Reference


@runtime_checkable
class SequenceKernel(Protocol):
    """Runs one layer of a cell over a batch of sequences, for a model differentiated by autograd."""

    @property
    def name(self) -> str:
        """Name of the kernel class; speeds are compared only within one."""
        ...

    def unknown(self, cell: Cell) -> str:
        """Return in words which part of a cell it does not compute, as after "does not compute"; empty if none."""
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
    is_able = kernel.runs_on(device, dtype) and not kernel.unknown(cell)
    return is_able and not (isinstance(kernel, Fused) and missing())


def choose(name: str, cell: Cell, device: torch.device, dtype: torch.dtype) -> Kernel:
    """Return the kernel of that name, or with `auto` the fastest that supports the cell.

    Raises ConfigError. If `auto` has to do without the fused library, that is said once, also for child processes.
    """
    for kernel in FASTEST_FIRST:
        if name not in ("auto", kernel.name):
            continue
        if supports(kernel, cell, device, dtype):
            return kernel
        if isinstance(kernel, Fused) and kernel.runs_on(device, dtype) and not kernel.unknown(cell):
            if name == kernel.name:
                raise ConfigError("kernel", f"must be {_or(SEQUENCE_KERNELS)} here, for {missing()}; got {name}")
            _say_once(f"the fused kernel is not available: {missing()}; using a slower one")
    raise ConfigError("kernel", f"`{name}` does not support cell `{cell.name}` on {device} in {dtype}")


def library_of(kernel: Kernel) -> str:
    """Return the digest of the compiled library that a kernel computes with, empty where it needs none."""
    return library_digest() if isinstance(kernel, Fused) else ""


def check_known(name: str, cell: Cell) -> None:
    """Refuse a kernel that is requested by name and does not compute the whole cell. Raises ConfigError."""
    for kernel in FASTEST_FIRST:
        if kernel.name == name and (unknown := kernel.unknown(cell)):
            able = _or([other for other in FASTEST_FIRST if not other.unknown(cell)])
            problem = f"must be {able} for cell `{cell.name}`: {name} does not compute {unknown}; got {name}"
            raise ConfigError("kernel", problem)


def passed_over(cell: Cell, device: torch.device, dtype: torch.dtype) -> str:
    """Return in a line why `auto` does not compute a cell with the fastest kernel there is; empty where it does."""
    there = [kernel for kernel in FASTEST_FIRST if kernel.runs_on(device, dtype)]
    chosen = next(kernel for kernel in there if not kernel.unknown(cell))
    if chosen is there[0]:
        return ""
    unknown = there[0].unknown(cell)
    return f"cell `{cell.name}`: the {there[0].name} kernel does not compute {unknown}; kernel=auto takes {chosen.name}"


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
    "check_known",
    "choose",
    "library_of",
    "passed_over",
    "supports",
]
