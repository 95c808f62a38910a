"""Contenders: the ways to take one training step of K members that are timed against each other."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch

from bench.cells import Cell
from bench.kernels import FASTEST_FIRST, Kernel, Reference, supports
from bench.speed.peers import TorchPeer, layers_of
from bench.speed.workloads import Workload
from bench.training.batches import Batch
from bench.training.evaluation import Machine
from bench.training.loop import Alone, member_of
from bench.training.member import Member

Step = Callable[[], None]

TORCH, JAX = "torch.nn", "jax"
PEERS = (TORCH, JAX)
"""Contenders that are not our kernels: each is compared with a kernel on the same cell, and with nothing else."""


@dataclass(frozen=True)
class Contender:
    """One way to take a training step of all members of a workload; `kernel` is its class."""

    workload: Workload
    cell: Cell
    kernel: str
    step: Step


def kernel_names() -> tuple[str, ...]:
    """Return the names of our kernels, the fastest first."""
    return tuple(kernel.name for kernel in FASTEST_FIRST)


def has_jax() -> bool:
    """Return whether jax is installed."""
    return importlib.util.find_spec("jax") is not None


def enter(workload: Workload, cell: Cell, kernels: Sequence[str]) -> list[Contender]:
    """Return our kernels of those names that support the cell, and its peers: all from the same weights and batch."""
    return [*ours(workload, cell, kernels), *_peers(workload, cell)]


def ours(workload: Workload, cell: Cell, kernels: Sequence[str]) -> list[Contender]:
    """Return our kernels of those names that support the cell."""
    able = [kernel for kernel in FASTEST_FIRST if kernel.name in kernels and is_able(kernel, cell)]
    return [Contender(workload, cell, kernel.name, _our_step(workload, cell, kernel)) for kernel in able]


def _peers(workload: Workload, cell: Cell) -> Iterator[Contender]:
    """Yield torch.nn where it has the cell, and jax where it is installed."""
    members = fresh_members(workload, cell, machine(Reference()))
    rows, batch = [member.row for member in members], batch_of(members[0])
    if layers_of(cell) is not None:
        yield Contender(workload, cell, TORCH, TorchPeer(workload, cell, rows, batch).step)
    if has_jax():
        from bench.speed.jax_peer import JaxPeer

        yield Contender(workload, cell, JAX, JaxPeer(workload, cell, rows, batch).step)


def fresh_members(workload: Workload, cell: Cell, place: Machine) -> list[Member]:
    """Return the K members of a workload before their first update."""
    task, shape = workload.task(), workload.shape(cell)
    return [member_of(workload.run(cell, seed), shape, task, place) for seed in range(workload.members)]


def machine(kernel: Kernel, dtype: torch.dtype = torch.float32) -> Machine:
    """Return one CPU with that kernel."""
    return Machine(kernel, torch.device("cpu"), dtype)


def batch_of(member: Member) -> Batch:
    """Return the one batch of a member's epoch."""
    return member.batches.batch(0, 0)


def is_able(kernel: Kernel, cell: Cell) -> bool:
    """Return whether a kernel runs a cell here, which it may have to be built for."""
    return supports(kernel, cell, torch.device("cpu"), torch.float32)


def _our_step(workload: Workload, cell: Cell, kernel: Kernel) -> Step:
    """Return a step of `bench.training.loop.fit` on a CPU: each member alone, its batch assembled in every step."""
    place = machine(kernel)
    members = fresh_members(workload, cell, place)
    schedule = Alone(members, workload.shape(cell), workload.task(), place)

    def step() -> None:
        for _ in schedule.advance(most=1):
            pass

    return step
