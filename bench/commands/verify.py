"""Check the digests of a results directory and train a sample of its runs again, to the bit."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from bench.commands.rows import table
from bench.report.wording import quantity

MEANING = {
    "identical": "identical to the bit",
    "close": "within the spread of seeds; made elsewhere",
    "different": "DIFFERENT",
}


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")
    parser.add_argument("--sample", type=int, default=2, metavar="N", help="how many runs to train again; default 2")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found and return the exit status: 1 where something speaks against the records."""
    from bench.verify import verify

    found = verify(arguments.directory, n_sample=max(arguments.sample, 0), data_dir=arguments.data_dir)
    for message in found.damaged:
        print(f"damaged: {message}")
    print(f"{quantity(found.n_records, 'whole record')}, {quantity(len(found.repeats), 'run')} trained again")
    rows = []
    for repeat in found.repeats:
        before, now = repeat.scores
        elsewhere = f" ({repeat.elsewhere})" if repeat.verdict == "close" else ""
        verdict = MEANING[repeat.verdict] + elsewhere
        rows.append({"run": repeat.recorded.run.label, "recorded": before, "again": now, "verdict": verdict})
    if rows:
        print(table(rows, tuple(rows[0])))
    return 0 if found.is_passed else 1
