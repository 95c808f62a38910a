"""Times over hidden sizes: each cell at every size of a list, all in the same rounds, and the largest jump between
neighbours.

A verdict on speed should not turn with a few units of width; where it does, a kernel computes padding.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tabulate import tabulate

from bench.core.errors import UsageError
from bench.speed.ceiling import measured_ceiling
from bench.speed.contenders import ours
from bench.speed.measurement import Plan, header_of, timed
from bench.speed.tables import Row, Timing, find, heading, span, time_ratio
from bench.speed.timing import one_core, paired, spread
from bench.speed.workloads import Workload, plain_lstm

WORKLOAD = "music46"
"""The shapes that sizes are swept at unless others are asked for: a small job, whose step takes milliseconds."""

CELLS = ("gru", "lstm")
MEMBERS = 1
TURN_SECONDS = 0.03
"""Shorter than for one size: there are many, and neighbours vouch for each other."""

LARGEST, MOST = 4096, 200


@dataclass(frozen=True)
class SizeMeasurement:
    """How it was timed, each size, and the largest jumps between neighbouring sizes."""

    header: dict[str, Any]
    rows: list[Row]
    jumps: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement for JSON."""
        return asdict(self)


def sizes_of(text: str) -> tuple[int, ...]:
    """Return the hidden sizes that `30-66`, `30,32,48` or a mixture of both names, ascending. Raises UsageError."""
    sizes: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= LARGEST:
            raise UsageError(f"--units must be sizes such as 30-66 or 30,32,48, from 1 to {LARGEST}, got `{text}`")
        sizes |= set(range(first, last + 1))
    if len(sizes) > MOST:
        raise UsageError(f"--units must be at most {MOST} sizes, got {len(sizes)}")
    return tuple(sorted(sizes))


def measure_sizes(plan: Plan, sizes: Sequence[int]) -> SizeMeasurement:
    """Time our kernels of a plan at each hidden size; within a round, cells of one size follow each other."""
    with one_core() as core:
        ceiling = measured_ceiling(plan.clock)
        timings = [timing for workload in plan.workloads for timing in _timed(workload, plan, sizes)]
        header = header_of(plan, ceiling, core)
    return SizeMeasurement(header, size_rows(timings), jump_rows(timings))


def _timed(workload: Workload, plan: Plan, sizes: Sequence[int]) -> Sequence[Timing]:
    at_sizes = [dataclasses.replace(workload, hidden_size=size) for size in sizes]
    entered = [each for at in at_sizes for cell in plan.cells for each in ours(at, cell, plan.kernels)]
    return timed(entered, plan, workload.name)


def size_rows(timings: Sequence[Timing]) -> list[Row]:
    """Return a row for each kernel, size and cell; the ratio to the LSTM is None where the LSTM was not timed."""
    return [_row(timing, timings) for timing in timings]


def _row(timing: Timing, timings: Sequence[Timing]) -> Row:
    workload, seconds = timing.workload, spread(timing.seconds)
    lstm = find(timings, timing, cell=plain_lstm(), kernel=timing.kernel)
    ratio = time_ratio(timing, lstm) if lstm else None
    return {
        "workload": workload.name,
        "K": workload.members,
        "kernel": timing.kernel,
        "hidden_size": workload.hidden_size,
        "cell": timing.cell.name,
        "ms_per_step": 1e3 * seconds.median,
        "ms_iqr": [1e3 * quartile for quartile in seconds.quartiles],
        "time_over_lstm": ratio and ratio.median,
        "iqr": ratio and list(ratio.quartiles),
        "operations_over_lstm": workload.flops(timing.cell) / workload.flops(plain_lstm()),
    }


def jump_rows(timings: Sequence[Timing]) -> list[Row]:
    """Return for each kernel and cell the neighbouring sizes between which its time changes most.

    And those between which its ratio to the LSTM does: `of` is `time` or `time_over_lstm`. A change is the median of
    the quotients within each round, the larger size over the smaller.
    """
    found = []
    for (workload, kernel, cell), series in _series(timings).items():
        lstm = [find(timings, each, cell=plain_lstm(), kernel=kernel) for each in series]
        quotients: dict[str, list[Sequence[float]]] = {"time": [each.seconds for each in series]}
        if cell != plain_lstm().name and None not in lstm:
            over = zip(series, filter(None, lstm), strict=True)
            quotients["time_over_lstm"] = [_quotients(each.seconds, other.seconds) for each, other in over]
        for of, values in quotients.items():
            changes = [(paired(right, left), n) for n, (left, right) in enumerate(pairwise(values))]
            if not changes:
                continue
            change, n = max(changes, key=lambda each: abs(math.log(each[0].median)))
            sizes = [each.workload.hidden_size for each in series[n : n + 2]]
            where = {"workload": workload, "kernel": kernel, "cell": cell, "of": of}
            found.append({**where, "sizes": sizes, "change": change.median, "iqr": list(change.quartiles)})
    return found


def _series(timings: Sequence[Timing]) -> dict[tuple[str, str, str], list[Timing]]:
    series: dict[tuple[str, str, str], list[Timing]] = {}
    for timing in timings:
        series.setdefault((timing.workload.name, timing.kernel, timing.cell.name), []).append(timing)
    return series


def _quotients(left: Sequence[float], right: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(left, right, strict=True)]


def as_text(measured: SizeMeasurement) -> str:
    """Return a table for each workload and kernel, one line for each size, and the largest jumps under them."""
    parts = [heading(measured.header)]
    places = dict.fromkeys((row["workload"], row["K"], row["kernel"]) for row in measured.rows)
    for workload, members, kernel in places:
        of_place = [row for row in measured.rows if (row["workload"], row["kernel"]) == (workload, kernel)]
        jumps = [row for row in measured.jumps if (row["workload"], row["kernel"]) == (workload, kernel)]
        parts += [f"{workload}, K = {members}, kernel {kernel}: ms per step", _table(of_place)]
        parts += ["\n".join(_jumps(jumps))] if jumps else []
    return "\n\n".join(parts)


def _table(rows: Sequence[Row]) -> str:
    """Return a line for each size: each cell's time, and its ratio to the LSTM's."""
    cells = list(dict.fromkeys(row["cell"] for row in rows))
    compared = [cell for cell in cells if cell != plain_lstm().name and rows[0]["time_over_lstm"] is not None]
    titles = ["units", *cells, *(title for cell in compared for title in (f"{cell}/lstm", "IQR"))]
    lines = []
    for size in dict.fromkeys(row["hidden_size"] for row in rows):
        at = {row["cell"]: row for row in rows if row["hidden_size"] == size}
        line = [f"{size}", *(f"{at[cell]['ms_per_step']:.3f}" for cell in cells)]
        for cell in compared:
            line += [f"{at[cell]['time_over_lstm']:.3f}", span(at[cell]["iqr"])]
        lines.append(line)
    return tabulate(lines, titles, tablefmt="simple", disable_numparse=True, colalign=["right"] * len(titles))


def _jumps(rows: Sequence[Row]) -> Iterator[str]:
    for row in rows:
        what = row["cell"] if row["of"] == "time" else f"{row['cell']}/lstm"
        smaller, larger = row["sizes"]
        yield f"largest jump of {what}: x {row['change']:.3f} (IQR {span(row['iqr'])}) from {smaller} to {larger} units"
