"""One measurement of jobs: both contenders of every cell in turns on one core, and then where ours spends its time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tabulate import tabulate
from tqdm import tqdm

from bench.cells import Cell
from bench.core.errors import UsageError
from bench.core.wording import listed
from bench.speed.jobs.contenders import Ours, plain_training
from bench.speed.jobs.job import Data, Job
from bench.speed.jobs.shares import SHARES, shares_of
from bench.speed.measurement import check_rounds, machine_header
from bench.speed.peers import LAYERS, layers_of
from bench.speed.plain import Training
from bench.speed.tables import Row, machine_heading, span
from bench.speed.timing import ClockName, interleaved, one_core, paired, spread

CELLS = ("gru", "lstm")

NOTE = (
    "Frames, words or characters trained in a second of training and evaluation together; x is how many times as fast\n"
    "as the plain script this project is, the median over rounds. Both train the same model from the same weights on\n"
    "the same batches: nats are their validation losses after the last turn, alike but for rounding and, in jsb, for\n"
    "the noise drawn. The shares are of this project's time, from a run of its own; arithmetic are forward, backward,\n"
    "clipping and optimiser. A turn is an epoch of a part of the data, of so many updates, and its evaluation.\n"
    "This table compares no cells: torch.nn runs its LSTM in a fused kernel, its GRU in none."
)


@dataclass(frozen=True)
class JobPlan:
    """Which jobs to time, with which cells, and how."""

    jobs: tuple[Job, ...]
    cells: tuple[Cell, ...]
    rounds: int = 7
    clock: ClockName = "process"

    def __post_init__(self) -> None:
        check_rounds(self.rounds)
        for cell in self.cells:
            if layers_of(cell) is None:
                raise UsageError(
                    f"--job is beside torch.nn, which has no cell `{cell.name}`; it has {listed([*LAYERS])}"
                )


@dataclass(frozen=True)
class JobMeasurement:
    """How it was timed, and each job with each cell."""

    header: dict[str, Any]
    rows: list[Row]

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Pair:
    """The two contenders of a job with one cell."""

    job: Job
    cell: Cell
    data: Data
    ours: Ours
    plain: Training

    @staticmethod
    def of(job: Job, cell: Cell, data: Data) -> Pair:
        """Return both contenders, at the same weights."""
        ours = Ours(job, cell, data)
        return Pair(job, cell, data, ours, plain_training(job, cell, data, ours.member.row))


def measure_jobs(plan: JobPlan, data_of: Callable[[Job], Data]) -> JobMeasurement:
    """Time every job of a plan. Raises DataError, before anything is timed, where the data of one are missing."""
    data = [data_of(job) for job in plan.jobs]
    with one_core() as core:
        rows = [row for job, its in zip(plan.jobs, data, strict=True) for row in _timed(job, its, plan)]
        header = machine_header(plan.clock, plan.rounds, core)
    return JobMeasurement(header, rows)


def _timed(job: Job, data: Data, plan: JobPlan) -> Iterator[Row]:
    """Time all cells of a job in the same rounds; a turn is an epoch, and the first two of each contender warm up."""
    pairs = [Pair.of(job, cell, data) for cell in tqdm(plan.cells, f"{job.name}, getting ready", None, leave=False)]
    steps = [step for pair in pairs for step in (pair.ours.epoch, pair.plain.epoch)]
    with tqdm(total=(2 + plan.rounds) * len(steps), desc=job.name, disable=None, leave=False) as bar:
        seen = [_then(step, bar.update) for step in steps]
        seconds = interleaved(seen, rounds=plan.rounds, clock=plan.clock, turn_seconds=0.0, watch=lambda: None)
    for pair, ours, theirs in zip(pairs, seconds[::2], seconds[1::2], strict=True):
        yield row_of(pair, ours, theirs, plan.clock)


def _then(step: Callable[[], None], watch: Callable[[], object]) -> Callable[[], None]:
    def both() -> None:
        step()
        watch()

    return both


def row_of(pair: Pair, ours: Sequence[float], theirs: Sequence[float], clock: ClockName) -> Row:
    """Return the rates of both contenders, their ratio, their losses, and where the time goes in ours."""
    ratio, n_units = paired(theirs, ours), pair.data.task.train.n_units
    nats = {"nats": pair.ours.validation_nats, "plain_nats": pair.plain.validation_nats}
    return {
        "job": pair.job.name,
        "cell": pair.cell.name,
        "kernel": pair.ours.machine.kernel.name,
        "unit": pair.data.task.unit,
        "units_per_turn": n_units,
        "updates_per_turn": pair.ours.member.batches.n_per_epoch,
        **_rates("", n_units, ours),
        **_rates("plain_", n_units, theirs),
        "ratio": ratio.median,
        "ratio_iqr": list(ratio.quartiles),
        **nats,
        "shares": shares_of(pair.ours, clock),
    }


def _rates(prefix: str, n_units: int, seconds: Sequence[float]) -> dict[str, Any]:
    rates = spread([n_units / each for each in seconds])
    return {f"{prefix}units_per_second": rates.median, f"{prefix}iqr": list(rates.quartiles)}


def as_text(measured: JobMeasurement) -> str:
    """Return the measurement as two tables under a line that says how it was timed."""
    times = ("job", "cell", "kernel", "updates", "per second", "IQR", "plain torch", "IQR", "x", "IQR", "nats", "plain")
    shares = ("job", "cell", *SHARES)
    parts = [
        machine_heading(measured.header),
        _table([_line(row) for row in measured.rows], times, 3),
        _table([_share_line(row) for row in measured.rows], shares, 2),
        NOTE,
    ]
    return "\n\n".join(parts)


def _table(lines: Sequence[Sequence[str]], titles: Sequence[str], n_left: int) -> str:
    aligned = ["left"] * n_left + ["right"] * (len(titles) - n_left)
    return tabulate(lines, titles, tablefmt="simple", disable_numparse=True, colalign=aligned)


def _line(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["job"],
        row["cell"],
        row["kernel"],
        f"{row['updates_per_turn']}",
        f"{row['units_per_second']:,.0f} {row['unit']}s",
        _whole(row["iqr"]),
        f"{row['plain_units_per_second']:,.0f}",
        _whole(row["plain_iqr"]),
        f"{row['ratio']:.2f}",
        span(row["ratio_iqr"]),
        f"{row['nats']:.4f}",
        f"{row['plain_nats']:.4f}",
    )


def _share_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (row["job"], row["cell"], *(f"{row['shares'][what]:.1%}" for what in SHARES))


def _whole(quartiles: Sequence[float]) -> str:
    low, high = quartiles
    return f"{low:,.0f}-{high:,.0f}"
