"""One measurement on a CPU: every contender of a plan, on one core, in turns."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tqdm import tqdm

from bench.cells import Cell
from bench.core.errors import UsageError
from bench.results.provenance import provenance
from bench.speed.ceiling import Ceiling, measured_ceiling
from bench.speed.contenders import Contender, enter, has_jax
from bench.speed.tables import Row, Timing, cell_rows, rows
from bench.speed.timing import TURN_SECONDS, ClockName, interleaved, one_core
from bench.speed.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """What to time and how; `kernels` are ours, the peers come by themselves."""

    workloads: tuple[Workload, ...]
    cells: tuple[Cell, ...]
    kernels: tuple[str, ...]
    rounds: int = 7
    clock: ClockName = "process"
    turn_seconds: float = TURN_SECONDS

    def __post_init__(self) -> None:
        check_rounds(self.rounds)
        if any(workload.members < 1 for workload in self.workloads):
            raise UsageError("--members must be at least 1")


@dataclass(frozen=True)
class Measurement:
    """How it was timed, the contenders, and each cell beside the LSTM within each kernel of ours."""

    header: dict[str, Any]
    rows: list[Row]
    cells: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement for JSON."""
        return asdict(self)


def measure(plan: Plan) -> Measurement:
    """Time every contender of a plan."""
    with one_core() as core:
        ceiling = measured_ceiling(plan.clock)
        timings = [timing for workload in plan.workloads for timing in _timed(workload, plan)]
        header = header_of(plan, ceiling, core)
    return Measurement(header, rows(timings, ceiling.best), cell_rows(timings))


def _timed(workload: Workload, plan: Plan) -> Sequence[Timing]:
    """Time all cells and kernels of one workload in the same rounds, so that every ratio is a paired one."""
    cells = tqdm(plan.cells, desc=f"{workload.name}, getting ready", disable=None, leave=False)
    return timed([each for cell in cells for each in enter(workload, cell, plan.kernels)], plan, workload.name)


def timed(entered: Sequence[Contender], plan: Plan, name: str) -> Sequence[Timing]:
    """Time contenders in turns, as a plan says; `name` is that of the progress bar."""
    with tqdm(total=plan.rounds * len(entered), desc=name, disable=None, leave=False) as bar:
        steps = [contender.step for contender in entered]
        seconds = interleaved(
            steps, rounds=plan.rounds, clock=plan.clock, turn_seconds=plan.turn_seconds, watch=bar.update
        )
    pairs = zip(entered, seconds, strict=True)
    return [Timing(each.workload, each.cell, each.kernel, tuple(found)) for each, found in pairs]


def header_of(plan: Plan, ceiling: Ceiling, core: int | None) -> dict[str, Any]:
    """Return how it was timed, and beside what."""
    return {
        **machine_header(plan.clock, plan.rounds, core),
        "jax": importlib.metadata.version("jax") if has_jax() else None,
        "sgemm_gflops": ceiling.mm / 1e9,
        "onednn_gflops": ceiling.onednn / 1e9,
        "ceiling_gflops": ceiling.best / 1e9,
    }


def machine_header(clock: ClockName, rounds: int, core: int | None) -> dict[str, Any]:
    """Return how it was timed."""
    threads = torch.get_num_threads()
    return {
        "cpu": provenance(device="cpu", threads=threads).cpu,
        "torch": str(torch.__version__),
        "threads": threads,
        "core": core,
        "clock": clock,
        "rounds": rounds,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    }


def check_rounds(rounds: int) -> None:
    """Raise UsageError unless there is a round."""
    if rounds < 1:
        raise UsageError(f"--rounds must be at least 1, got {rounds}")
