"""What probes found in a Run's trained model: one sealed file for each probed Run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from bench.core.digest import built_from, with_digest
from bench.core.errors import DataError
from bench.results import archive
from bench.results.files import make_folder, write_whole
from bench.results.paths import PROBES

FORMAT = 1


@dataclass(frozen=True)
class GateProbe:
    """One gate of one layer: its histogram over [0, 1] as fractions, and per unit the closed and open fractions.

    `time_constants` are in steps, by unit, there for the gate alone that keeps the old state; None is endless.
    """

    layer: int
    gate: str
    shares: tuple[float, ...]
    closed: tuple[float, ...]
    opened: tuple[float, ...]
    time_constants: tuple[float | None, ...] = ()


@dataclass(frozen=True)
class ProbeRecord:
    """What probes found in one Run on a batch of its validation split.

    `is_same` says whether retraining reproduced the recorded weights bit by bit. The gradient's norm at lags 1, 2, ...
    is relative to that at lag 1: median and quartiles over `n_pairs` pairs of a sequence and a step, as `quartiles`
    rows of 25, 50 and 75 %. `memory_length` is None where the gradient stays above its limit at all lags.
    """

    key: str
    label: str
    task: str
    task_version: str
    cell: str
    hidden_size: int
    num_layers: int
    seed: int
    unit: str
    is_same: bool
    n_sequences: int
    n_steps: int
    n_pairs: int
    quartiles: tuple[tuple[float, ...], ...]
    memory_length: int | None
    gates: tuple[GateProbe, ...]
    format: int = FORMAT

    @staticmethod
    def from_json(text: str, where: str) -> ProbeRecord:
        """Read what `write_probe` wrote. Raises DataError naming `where` if it is damaged or of another format."""
        return built_from(ProbeRecord, text, where, FORMAT, "probe record")


@dataclass(frozen=True)
class Probes:
    """What a results directory holds of probes: readable ones, and a message for each damaged one."""

    records: tuple[ProbeRecord, ...]
    damaged: tuple[str, ...]


def write_probe(directory: Path, record: ProbeRecord) -> Path:
    """Write the probe of one Run, replacing an earlier one. Raises StorageError."""
    path = make_folder(directory, PROBES) / f"{record.label}.json"
    write_whole(path, with_digest(dataclasses.asdict(record)))
    return path


def read_probes(directory: Path) -> Probes:
    """Read every probe of a results directory, in the order of their names."""
    records, damaged = [], []
    there = {path.name for path in (directory / PROBES).glob("*.json")}
    for name in sorted(there | archive.below(directory, PROBES)):
        path = directory / PROBES / name
        try:
            records.append(ProbeRecord.from_json(archive.text_of(directory, path), str(path)))
        except (DataError, FileNotFoundError) as error:
            damaged.append(str(error))
    return Probes(tuple(records), tuple(damaged))
