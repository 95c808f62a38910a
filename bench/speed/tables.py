"""What was measured: rows per workload, cell and kernel; cells beside the LSTM within a kernel; both as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from bench.cells import Cell
from bench.core.errors import UsageError
from bench.speed.contenders import JAX, PEERS, TORCH
from bench.speed.timing import Spread, paired, spread
from bench.speed.workloads import Workload, plain_lstm

Row = dict[str, Any]

NOTE = (
    "Cells are compared within one kernel of ours only. torch.nn and jax stand beside a kernel on the same cell:\n"
    "torch.nn runs its LSTM in a fused CPU kernel and its GRU in none, so its two times say nothing about the cells.\n"
    "Operations are those of the matrix products, the readout's included."
)


@dataclass(frozen=True)
class Timing:
    """The seconds per step of one contender in each round; contenders of a workload share their rounds."""

    workload: Workload
    cell: Cell
    kernel: str
    seconds: tuple[float, ...]


def rows(timings: Sequence[Timing], ceiling: float) -> list[Row]:
    """Return a row for each contender; `ceiling` is in floating-point operations per second.

    Ratios are medians of the ratios within each round, above 1 where the row's kernel is faster than the peer.
    """
    return [_row(timing, timings, ceiling) for timing in timings]


def cell_rows(timings: Sequence[Timing]) -> list[Row]:
    """Return for each workload, kernel of ours and cell its step's time, and operations, over those of the plain LSTM.

    All are of equal width. There are no rows where the LSTM was not timed.
    """
    found = []
    for timing in timings:
        lstm = find(timings, timing, cell=plain_lstm(), kernel=timing.kernel)
        if timing.kernel in PEERS or lstm is None:
            continue
        ratio, workload = time_ratio(timing, lstm), timing.workload
        found.append(
            {
                "workload": workload.name,
                "K": workload.members,
                "kernel": timing.kernel,
                "cell": timing.cell.name,
                "title": timing.cell.title,
                "time_over_lstm": ratio.median,
                "iqr": list(ratio.quartiles),
                "operations_over_lstm": workload.flops(timing.cell) / workload.flops(lstm.cell),
            }
        )
    return found


def time_ratio(left: Timing, right: Timing) -> Spread:
    """Return how long a step with one cell takes relative to one with another, from paired rounds.

    Raises UsageError unless both ran the same workload in the same kernel of ours: everything else compares how two
    programs are written.
    """
    if left.kernel != right.kernel:
        raise UsageError(
            f"`{left.kernel}` and `{right.kernel}` are different kernels; cells are not ranked across them"
        )
    if left.kernel in PEERS:
        raise UsageError(f"`{left.kernel}` may run each cell in a kernel of another class; it ranks no cells")
    if left.workload != right.workload:
        raise UsageError(f"`{left.workload.name}` and `{right.workload.name}` are different workloads")
    return paired(left.seconds, right.seconds)


def as_text(header: Mapping[str, Any], table: Sequence[Row], cells: Sequence[Row]) -> str:
    """Return the measurement as plain tables under a line that says how it was timed."""
    headers = (
        "workload",
        "cell",
        "K",
        "kernel",
        "ms/step",
        "IQR",
        "members/s",
        "x torch.nn",
        "IQR",
        "x jax",
        "ceiling",
    )
    lines = [_line(row) for row in table]
    parts = [heading(header), tabulate(lines, headers, tablefmt="simple", disable_numparse=True, colalign=ALIGNED)]
    others = [_beside_lstm(row) for row in cells if row["cell"] != plain_lstm().name]
    if others:
        titles = ("workload", "K", "kernel", "cell", "time/LSTM", "IQR", "operations/LSTM")
        aligned = ("left", "right", "left", "left", *["right"] * 3)
        parts.append(tabulate(others, titles, tablefmt="simple", disable_numparse=True, colalign=aligned))
    return "\n\n".join([*parts, NOTE])


def _beside_lstm(row: Row) -> tuple[str, ...]:
    where = (row["workload"], f"{row['K']}", row["kernel"], row["cell"])
    return *where, f"{row['time_over_lstm']:.2f}", span(row["iqr"]), f"{row['operations_over_lstm']:.2f}"


NONE = "-"
"""In the place of a ratio to a peer that does not have the cell or is not installed."""

ALIGNED = ("left", "left", "right", "left", *["right"] * 7)


def _row(timing: Timing, timings: Sequence[Timing], ceiling: float) -> Row:
    seconds = spread(timing.seconds)
    to_torch = _against(TORCH, timing, timings)
    to_jax = _against(JAX, timing, timings)
    K = timing.workload.members
    flops = K * timing.workload.flops(timing.cell)
    return {
        "workload": timing.workload.name,
        "cell": timing.cell.name,
        "K": K,
        "kernel": timing.kernel,
        "ms_per_step": 1e3 * seconds.median,
        "ms_iqr": [1e3 * quartile for quartile in seconds.quartiles],
        "member_steps_per_second": K / seconds.median,
        "ratio_to_torch_nn": to_torch.median if to_torch else None,
        "ratio_iqr": list(to_torch.quartiles) if to_torch else None,
        "ratio_to_jax": to_jax.median if to_jax else None,
        "share_of_ceiling": flops / seconds.median / ceiling,
    }


def _against(peer: str, timing: Timing, timings: Sequence[Timing]) -> Spread | None:
    """Return how many times as fast as a peer a contender is, on the same workload and cell."""
    other = find(timings, timing, cell=timing.cell, kernel=peer)
    return paired(other.seconds, timing.seconds) if other else None


def find(timings: Sequence[Timing], like: Timing, *, cell: Cell, kernel: str) -> Timing | None:
    """Return the timing of a cell and kernel on the same workload as another, None if there is none."""
    wanted = (like.workload, cell, kernel)
    return next((each for each in timings if (each.workload, each.cell, each.kernel) == wanted), None)


def heading(header: Mapping[str, Any]) -> str:
    """Return the line that says how it was timed, and beside what."""
    jax = f", jax {header['jax']}" if header["jax"] else ""
    return (
        f"{machine_heading(header)}{jax}; ceiling {header['ceiling_gflops']:.0f} GFLOP/s "
        f"(float32 products: torch.mm {header['sgemm_gflops']:.0f}, oneDNN {header['onednn_gflops']:.0f})"
    )


def machine_heading(header: Mapping[str, Any]) -> str:
    """Return the line that says how it was timed."""
    return (
        f"{header['cpu']}, {header['threads']} thread, torch {header['torch']}; {header['clock']} time, "
        f"{header['rounds']} rounds; load {header['load']:.1f}"
    )


def _line(row: Row) -> tuple[str, ...]:
    return (
        row["workload"],
        row["cell"],
        f"{row['K']}",
        row["kernel"],
        f"{row['ms_per_step']:.2f}",
        span(row["ms_iqr"]),
        f"{row['member_steps_per_second']:,.0f}",
        _number(row["ratio_to_torch_nn"]),
        span(row["ratio_iqr"]) if row["ratio_iqr"] else NONE,
        _number(row["ratio_to_jax"]),
        f"{row['share_of_ceiling']:.1%}",
    )


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


def span(quartiles: Sequence[float]) -> str:
    """Return two quartiles as text."""
    low, high = quartiles
    return f"{low:.2f}-{high:.2f}"
