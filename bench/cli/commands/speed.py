"""Time one training step of K members: every kernel of ours and torch.nn (and jax), in turns on one core.

With `--units`, our fastest kernel at many hidden sizes. With `--job`, whole trainings on real data, evaluation
included, beside the same training written plainly in torch (`bench/speed/plain.py`).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.core.errors import UsageError
from bench.core.wording import rounded

if TYPE_CHECKING:
    from bench.speed.jobs.measurement import JobPlan
    from bench.speed.measurement import Plan

NOT_WITH = {
    "job": ("units", "workloads", "kernels", "members", "figure", "lstm_figure"),
    "units": ("figure", "lstm_figure"),
}
"""What says nothing about the table that an option asks for, and is refused beside it."""


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--workloads", type=_words, default=(), metavar="A,B", help="music46,... (default: all)")
    parser.add_argument(
        "--cells",
        type=_words,
        default=(),
        metavar="A,B",
        help="cells by name, of yours too, or all (default: gru,lstm,tanh)",
    )
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
    parser.add_argument(
        "--lstm-figure",
        type=Path,
        metavar="PATH",
        help="draw each cell's time over its operations, both relative to the LSTM's, as PATH.png and PATH.svg",
    )
    parser.add_argument(
        "--units",
        metavar="30-66",
        help="time gru and lstm (or --cells) at these hidden sizes instead, such as 30-66 or 30,32,48, in the fastest "
        "kernel, one member and music46 unless you name others",
    )
    parser.add_argument(
        "--job",
        type=_words,
        nargs="?",
        const=("all",),
        metavar="A,B",
        help="time whole jobs instead, jsb,nottingham,ptb_char,ptb_word (default: all), with gru and lstm (or "
        "--cells), beside a plain training in torch",
    )
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files, for --job")


def run(arguments: argparse.Namespace) -> int:
    """Time what was asked for, print it, draw it, and return the exit status."""
    for option, others in NOT_WITH.items():
        for other in others if getattr(arguments, option) is not None else ():
            if getattr(arguments, other) not in (None, ()):
                raise UsageError(f"--{other.replace('_', '-')} does not go with --{option}")
    if arguments.job is not None:
        return _run_jobs(arguments)
    if arguments.units is not None:
        return _run_sizes(arguments)
    from bench.report.figures.operations import write_operations_figure
    from bench.report.figures.speed import write_speed_figure
    from bench.speed.measurement import measure
    from bench.speed.tables import as_text

    measured = measure(plan_of(arguments))
    if arguments.json:
        print(json.dumps(rounded(measured.to_dict()), indent=1, allow_nan=False))
    else:
        print(as_text(measured.header, measured.rows, measured.cells))
    files = write_speed_figure(measured.rows, arguments.figure) if arguments.figure else []
    files += write_operations_figure(measured.cells, arguments.lstm_figure) if arguments.lstm_figure else []
    if files:
        print(f"figure: {' '.join(map(str, files))}", file=sys.stderr)
    return 0


def _run_sizes(arguments: argparse.Namespace) -> int:
    from bench.speed.sizes import as_text, measure_sizes, sizes_of

    sizes = sizes_of(arguments.units)
    measured = measure_sizes(size_plan_of(arguments), sizes)
    print(json.dumps(rounded(measured.to_dict()), indent=1, allow_nan=False) if arguments.json else as_text(measured))
    return 0


def _run_jobs(arguments: argparse.Namespace) -> int:
    from bench.core.console import say
    from bench.speed.jobs.measurement import as_text, measure_jobs
    from bench.tasks.opened import Tasks

    tasks = Tasks(arguments.data_dir, say)
    measured = measure_jobs(job_plan_of(arguments), lambda job: job.data(tasks))
    print(json.dumps(rounded(measured.to_dict()), indent=1, allow_nan=False) if arguments.json else as_text(measured))
    return 0


def job_plan_of(arguments: argparse.Namespace) -> JobPlan:
    """Return which jobs to time. Raises UsageError for an unknown job or cell, or a cell that torch.nn has not."""
    from bench.speed.jobs.job import JOBS
    from bench.speed.jobs.measurement import CELLS, JobPlan
    from bench.speed.workloads import ALL, cells_named, chosen

    names = tuple(JOBS) if ALL in arguments.job else chosen(arguments.job, tuple(JOBS), "job")
    cells = cells_named(arguments.cells, CELLS)
    return JobPlan(tuple(JOBS[name] for name in names), cells, arguments.rounds, arguments.clock)


def plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what to time.

    Raises UsageError for an unknown workload, cell or kernel, a count below 1, or a figure of what is not timed.
    """
    from bench.speed.contenders import kernel_names
    from bench.speed.measurement import Plan
    from bench.speed.peers import layers_of
    from bench.speed.workloads import WORKLOADS, cells_named, chosen, plain_lstm

    workloads = [WORKLOADS[name] for name in chosen(arguments.workloads, tuple(WORKLOADS), "workload")]
    if arguments.members is not None:
        workloads = [dataclasses.replace(workload, members=arguments.members) for workload in workloads]
    cells = cells_named(arguments.cells)
    if arguments.figure and not any(map(layers_of, cells)):
        raise UsageError("--figure draws ratios to torch.nn, which has none of these cells")
    if arguments.lstm_figure and plain_lstm() not in cells:
        raise UsageError("--lstm-figure draws ratios to the LSTM; name lstm among --cells")
    return Plan(
        workloads=tuple(workloads),
        cells=cells,
        kernels=chosen(arguments.kernels, kernel_names(), "kernel"),
        rounds=arguments.rounds,
        clock=arguments.clock,
    )


def size_plan_of(arguments: argparse.Namespace) -> Plan:
    """Return what to time at many hidden sizes: a small job in one kernel, unless others are named."""
    from bench.kernels import FASTEST_FIRST
    from bench.speed.contenders import is_able
    from bench.speed.sizes import CELLS, MEMBERS, TURN_SECONDS, WORKLOAD

    named = argparse.Namespace(**vars(arguments))
    named.workloads, named.cells = arguments.workloads or (WORKLOAD,), arguments.cells or CELLS
    named.members = MEMBERS if arguments.members is None else arguments.members
    plan = plan_of(named)
    if not arguments.kernels:
        fastest = next(each for each in FASTEST_FIRST if all(is_able(each, cell) for cell in plan.cells))
        plan = dataclasses.replace(plan, kernels=(fastest.name,))
    return dataclasses.replace(plan, turn_seconds=min(plan.turn_seconds, TURN_SECONDS))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))
