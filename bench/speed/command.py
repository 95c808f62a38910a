"""The command `speed`: its words become a plan, what was measured becomes tables, JSON and a figure."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys

from bench.report.speed_figure import write_speed_figure
from bench.report.wording import rounded
from bench.speed.contenders import kernel_names
from bench.speed.measurement import Plan, measure
from bench.speed.tables import as_text
from bench.speed.workloads import CELLS, WORKLOADS, chosen


def run(arguments: argparse.Namespace) -> int:
    """Time what was asked for, print it, draw it, and return the exit status."""
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
