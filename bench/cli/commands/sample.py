"""Let the model of a run write: text to stdout, or music as a MIDI file; from its kept weights, or trained again."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from bench.core.errors import UsageError

COLDEST, HOTTEST = 0.01, 100.0


def declare(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "run", metavar="RUN", type=Path, help="folder of a run, results/NAME/runs/LABEL, or its key: results/NAME/KEY"
    )
    parser.add_argument("--n", type=int, default=200, metavar="N", help="how many tokens or frames; default 200")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of what is drawn; default 0")
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="T",
        help="below 1 more probable, above 1 more random; default 1",
    )
    parser.add_argument("--prime", metavar="TEXT", help="how a text begins")
    parser.add_argument("--data-dir", default=os.environ.get("BENCH_DATA"), help="folder of the data files")


def run(arguments: argparse.Namespace) -> int:
    """Write what the model draws; return 1 where training it again did not give the weights of the record."""
    _check(arguments.n, arguments.temperature)
    from bench import results
    from bench.core.console import say
    from bench.core.wording import printable
    from bench.results.files import make_folder
    from bench.sweep.sample import music_of, text_of
    from bench.sweep.weights import best_weights
    from bench.tasks.opened import Tasks

    directory, record = results.record_at(arguments.run)
    is_text = record.run.embedding_size > 0
    if arguments.prime is not None and not is_text:
        raise UsageError(f"--prime: is the beginning of a text, and run {record.run.label} is one of music")
    tasks = Tasks(arguments.data_dir, say)
    best = best_weights(record, directory, tasks, say)
    if best is None:
        raise UsageError(f"run {record.run.label}: training it again ended without weights")
    if not best.is_same:
        say("training it again gave OTHER weights than the record has; the sample is by these")
    drawn = {"n": arguments.n, "temperature": arguments.temperature, "seed": arguments.seed}
    if is_text:
        text = text_of(record, best, tasks, **drawn, prime=arguments.prime or "")
        print("\n".join(map(printable, text.split("\n"))))
    else:
        path = make_folder(directory, "samples") / f"{record.run.label}-{arguments.seed}.mid"
        results.write_whole(path, music_of(record, best, tasks, **drawn))
        print(path)
    return 0 if best.is_same else 1


def _check(n: int, temperature: float) -> None:
    if n < 1:
        raise UsageError(f"--n: must be at least 1, got {n}")
    if not COLDEST <= temperature <= HOTTEST:
        raise UsageError(f"--temperature: must be from {COLDEST:g} to {HOTTEST:g}, got {temperature:g}")
