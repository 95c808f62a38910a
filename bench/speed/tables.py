"""What was measured: rows per workload, cell and kernel; GRU beside LSTM within a kernel; both as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tabulate import tabulate

from bench.core.errors import UsageError
from bench.speed.contenders import JAX, PEERS, TORCH
from bench.speed.timing import Spread, paired, spread
from bench.speed.workloads import Workload, cell_named

Row = dict[str, Any]

NOTE = (
    "Cells are compared within one kernel of ours only. torch.nn and jax stand beside a kernel on the same cell:\n"
    "torch.nn runs its LSTM in a fused CPU kernel and its GRU in none, so its two times say nothing about the cells."
)


@dataclass(frozen=True)
class Timing:
    """The seconds per step of one contender in each round; contenders of a workload share their rounds."""

    workload: Workload
    cell: str
    kernel: str
    seconds: tuple[float, ...]


def rows(timings: Sequence[Timing], ceiling: float) -> list[Row]:
    """Return a row for each contender; `ceiling` is in floating-point operations per second.

    Ratios are medians of the ratios within each round, above 1 where the row's kernel is faster than the peer.
    """
    return [_row(timing, timings, ceiling) for timing in timings]


def cell_rows(timings: Sequence[Timing]) -> list[Row]:
    """Return for each workload and kernel of ours the time of a GRU's step over that of an LSTM of equal width."""
    found = []
    for gru in timings:
        lstm = _find(timings, gru, cell="lstm", kernel=gru.kernel)
        if gru.cell == "gru" and gru.kernel not in PEERS and lstm is not None:
            ratio = time_ratio(gru, lstm)
            where = {"workload": gru.workload.name, "K": gru.workload.members, "kernel": gru.kernel}
            found.append({**where, "gru_over_lstm": ratio.median, "iqr": list(ratio.quartiles)})
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
    parts = [_heading(header), tabulate(lines, headers, tablefmt="simple", disable_numparse=True, colalign=ALIGNED)]
    if cells:
        pairs = [
            (row["workload"], f"{row['K']}", row["kernel"], f"{row['gru_over_lstm']:.2f}", _range(row["iqr"], 2))
            for row in cells
        ]
        titles = ("workload", "K", "kernel", "GRU/LSTM step time", "IQR")
        parts.append(tabulate(pairs, titles, tablefmt="simple", disable_numparse=True))
    return "\n\n".join([*parts, NOTE])


ALIGNED = ("left", "left", "right", "left", *["right"] * 7)


def _row(timing: Timing, timings: Sequence[Timing], ceiling: float) -> Row:
    seconds = spread(timing.seconds)
    to_torch = _against(TORCH, timing, timings)
    to_jax = _against(JAX, timing, timings)
    K = timing.workload.members
    flops = K * timing.workload.flops(cell_named(timing.cell))
    return {
        "workload": timing.workload.name,
        "cell": timing.cell,
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
    other = _find(timings, timing, cell=timing.cell, kernel=peer)
    return paired(other.seconds, timing.seconds) if other else None


def _find(timings: Sequence[Timing], like: Timing, *, cell: str, kernel: str) -> Timing | None:
    wanted = (like.workload, cell, kernel)
    return next((each for each in timings if (each.workload, each.cell, each.kernel) == wanted), None)


def _heading(header: Mapping[str, Any]) -> str:
    jax = f", jax {header['jax']}" if header["jax"] else ""
    return (
        f"{header['cpu']}, {header['threads']} thread, torch {header['torch']}{jax}; {header['clock']} time, "
        f"{header['rounds']} rounds; ceiling {header['ceiling_gflops']:.0f} GFLOP/s "
        f"(float32 products: torch.mm {header['sgemm_gflops']:.0f}, oneDNN {header['onednn_gflops']:.0f}); "
        f"load {header['load']:.1f}"
    )


def _line(row: Row) -> tuple[str, ...]:
    return (
        row["workload"],
        row["cell"],
        f"{row['K']}",
        row["kernel"],
        f"{row['ms_per_step']:.2f}",
        _range(row["ms_iqr"], 2),
        f"{row['member_steps_per_second']:,.0f}",
        _number(row["ratio_to_torch_nn"]),
        _range(row["ratio_iqr"], 2) if row["ratio_iqr"] else "",
        _number(row["ratio_to_jax"]),
        f"{row['share_of_ceiling']:.1%}",
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _range(quartiles: Sequence[float], digits: int) -> str:
    low, high = quartiles
    return f"{low:.{digits}f}-{high:.{digits}f}"
