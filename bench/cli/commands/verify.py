"""Check results against themselves: every digest, the report and tuned settings, and some runs trained again."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.commands.tables import table
from bench.core.wording import quantity, score_label

if TYPE_CHECKING:
    from bench.cli.verify import Repeat, Verification
    from bench.cli.verify_files import Compared

MEANING = {
    "identical": "identical to the bit",
    "close": "within the spread of seeds; made elsewhere",
    "other data": "NOT TRAINED: other data",
    "different": "DIFFERENT",
}
LARGEST_SEED = 1_000_000


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("directory", metavar="DIR", type=Path, help="results/NAME")
    parser.add_argument(
        "--sample",
        type=int,
        default=2,
        metavar="N",
        help="how many runs to train again, one with a test score and one of a trial first; default 2",
    )
    parser.add_argument("--seed", type=int, metavar="S", help="draw the runs of an earlier call, which said its seed")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Print what was found and return the exit status: 1 if a check failed."""
    from bench.cli.verify import verify

    seed = secrets.randbelow(LARGEST_SEED) if arguments.seed is None else arguments.seed
    found = verify(arguments.directory, n_sample=max(arguments.sample, 0), seed=seed, data_dir=arguments.data_dir)
    _print_read(found)
    _print_repeats(found)
    _print_files("report", found.report)
    _print_files("tuned settings", found.tuned)
    print(f"verified: {'all checks passed' if found.is_passed else 'some checks FAILED'}")
    return 0 if found.is_passed else 1


def _print_read(found: Verification) -> None:
    for message in found.damaged:
        print(f"damaged: {message}")
    studies = quantity(found.n_studies, "study", "studies")
    read = f"{quantity(found.n_records, 'whole record')}, {studies}, {quantity(found.n_probes, 'probe')}"
    read += f", the weights of {quantity(found.n_weights, 'run')}" if found.n_weights else ""
    print(f"read: {read}, each by its digest; {quantity(len(found.damaged), 'damaged file')}")


def _print_repeats(found: Verification) -> None:
    trained = [repeat for repeat in found.repeats if not repeat.other_data]
    drawn = f", drawn by chance (--seed {found.seed} draws them again)" if found.repeats else ""
    print(f"trained again: {len(trained):,} of {quantity(found.n_done, 'run')} that are done{drawn}")
    if found.n_drawn_otherwise:
        runs = quantity(found.n_drawn_otherwise, "run")
        print(f"  {runs} cannot be: an earlier version drew their noise from another generator")
    rows = [_row(repeat) for repeat in found.repeats]
    if rows:
        print(table(rows, tuple(rows[0])))
    for repeat in found.repeats:
        if why := _why(repeat):
            print(f"{repeat.recorded.run.label}: {why}")


def _row(repeat: Repeat) -> dict[str, object]:
    before, now = repeat.scores
    elsewhere = f" ({repeat.elsewhere})" if repeat.verdict == "close" else ""
    return {
        "run": repeat.recorded.run.label,
        "phase": repeat.recorded.run.phase,
        "compared": score_label(str(repeat.recorded.run.task["metric"]), repeat.split),
        "recorded": before,
        "again": now,
        "verdict": MEANING[repeat.verdict] + elsewhere,
    }


def _why(repeat: Repeat) -> str:
    """Return why a Run was not trained again, or what differs and the likely cause."""
    of_weights = "its kept weights are those of the record, and training it here gives others"
    if repeat.verdict != "different":
        return of_weights if repeat.has_other_weights else repeat.other_data
    parts = ", ".join(repeat.parts).replace("_", " ") or "it has no record"
    parts += f" ({of_weights})" if repeat.has_other_weights else ""
    if repeat.elsewhere:
        return f"differ: {parts}, by more than the machine explains (recorded with {repeat.elsewhere})"
    return f"differ: {parts}; versions, machine and build are those of the record"


def _print_files(what: str, found: Compared) -> None:
    for message in found.wrong:
        print(f"DIFFERENT: {message}")
    count = f"{quantity(found.n_same, 'file')} as the records give, {len(found.wrong):,} different"
    print(f"{what}: {count}")
    for message in found.unseen:
        print(f"  not compared: {message}")
