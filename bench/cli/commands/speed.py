"""Time one training step of K members: every kernel of ours and torch.nn (and jax), in turns on one core."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.wording import rounded

if TYPE_CHECKING:
    from bench.speed.measurement import Plan


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--workloads", type=_words, default=(), metavar="A,B", help="music46,... (default: all)")
    parser.add_argument("--cells", type=_words, default=(), metavar="A,B", help="gru,lstm,tanh (default: all)")
    parser.add_argument("--kernels", type=_words, default=(), metavar="A,B", help="kernels of ours (default: all)")
    parser.add_argument("--members", type=int, metavar="K", help="members trained together (default: per workload)")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="turns of every contender (default: 7)")
    parser.add_argument(
        "--clock",
        choices=("process", "wall"),
        default="process",
        help="process (default): CPU seconds of this process, which other jobs do not steal; wall: elapsed seconds",
    )
    parser.add_argument("--json", action="store_true", help="print header and rows as JSON on stdout")
    parser.add_argument("--figure", type=Path, metavar="PATH", help="draw ratios to torch.nn as PATH.png and PATH.svg")


def run(arguments: argparse.Namespace) -> int:
    """Time what was asked for, print it, draw it, and return the exit status."""
    from bench.report.figures.speed import write_speed_figure
    from bench.speed.measurement import measure
    from bench.speed.tables import as_text

    measured = measure(plan_of(arguments))
    if arguments.json:
        print(json.dumps(rounded(measured.to_dict()), indent=1, allow_nan=False))
    else:
        print(as_text(measured.header, measured.rows, measured.cells))
    if arguments.figure:
        files = write_speed_figure(measured.rows, arguments.figure)
        print(f"figure: {' '.join(map(str, files))}", file=sys.stderr)
    return 0


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what to time. Raises UsageError for an unknown workload, cell or kernel, or a count below 1."""
    from bench.speed.contenders import kernel_names
    from bench.speed.measurement import Plan
    from bench.speed.workloads import CELLS, WORKLOADS, chosen

    workloads = [WORKLOADS[name] for name in chosen(arguments.workloads, tuple(WORKLOADS), "workload")]
    if arguments.members is not None:
        workloads = [dataclasses.replace(workload, members=arguments.members) for workload in workloads]
    return Plan(
        workloads=tuple(workloads),
        cells=chosen(arguments.cells, CELLS, "cell"),
        kernels=chosen(arguments.kernels, kernel_names(), "kernel"),
        rounds=arguments.rounds,
        clock=arguments.clock,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
