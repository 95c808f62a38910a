"""One measurement on a CPU: every contender of a plan, on one core, in turns."""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from tqdm import tqdm

from bench.core.errors import UsageError
from bench.results.provenance import provenance
from bench.speed.ceiling import Ceiling, measured_ceiling
from bench.speed.contenders import enter, has_jax
from bench.speed.tables import Row, Timing, cell_rows, rows
from bench.speed.timing import TURN_SECONDS, ClockName, interleaved, one_core
from bench.speed.workloads import Workload


@dataclass(frozen=True)
class Plan:
    """What to time and how; `kernels` are ours, the peers come by themselves."""

    workloads: tuple[Workload, ...]
    cells: tuple[str, ...]
    kernels: tuple[str, ...]
    rounds: int = 7
    clock: ClockName = "process"
    turn_seconds: float = TURN_SECONDS

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise UsageError(f"--rounds must be at least 1, got {self.rounds}")
        if any(workload.members < 1 for workload in self.workloads):
            raise UsageError("--members must be at least 1")


@dataclass(frozen=True)
class Measurement:
    """How it was timed, the contenders, and GRU beside LSTM within each kernel of ours."""

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
        timings = [timing for workload in plan.workloads for timing in _time(workload, plan)]
        header = _header(plan, ceiling, core)
    return Measurement(header, rows(timings, ceiling.best), cell_rows(timings))


def _time(workload: Workload, plan: Plan) -> Sequence[Timing]:
    """Time all cells and kernels of one workload in the same rounds, so that every ratio is a paired one."""
    entered = [each for cell in plan.cells for each in enter(workload, cell, plan.kernels)]
    with tqdm(total=plan.rounds * len(entered), desc=workload.name, disable=None, leave=False) as bar:
        steps = [contender.step for contender in entered]
        seconds = interleaved(
            steps, rounds=plan.rounds, clock=plan.clock, turn_seconds=plan.turn_seconds, watch=bar.update
        )
    pairs = zip(entered, seconds, strict=True)
    return [Timing(workload, contender.cell, contender.kernel, tuple(found)) for contender, found in pairs]


def _header(plan: Plan, ceiling: Ceiling, core: int | None) -> dict[str, Any]:
    threads = torch.get_num_threads()
    return {
        "cpu": provenance(device="cpu", threads=threads).cpu,
        "torch": str(torch.__version__),
        "jax": importlib.metadata.version("jax") if has_jax() else None,
        "threads": threads,
        "core": core,
        "clock": plan.clock,
        "rounds": plan.rounds,
        "sgemm_gflops": ceiling.mm / 1e9,
        "onednn_gflops": ceiling.onednn / 1e9,
        "ceiling_gflops": ceiling.best / 1e9,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0,
    }
