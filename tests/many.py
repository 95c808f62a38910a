"""Results directories of many finished Runs, made up: `python -m tests.many DIR [RUNS]`."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from bench import results
from tests.report.fabricated import record, run

CELLS = ("gru", "lstm", "tanh")
SEEDS = 100


def write_many(directory: Path, n_runs: int) -> None:
    """Write so many records, 100 seeds to a size, without waiting for the disk."""
    sizes = itertools.count(20, 10)
    points = ((cell, size, seed) for size in sizes for cell in CELLS for seed in range(SEEDS))
    for cell, size, seed in itertools.islice(points, n_runs):
        each = record(run(cell, seed, hidden_size=size))
        folder = results.folder_of(directory, each.run)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(each.to_json(), encoding="utf-8")


if __name__ == "__main__":
    write_many(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
