"""Which formula for "nats per step" would make our networks' scores those of table 2 of Chung et al. 2014?

    python -m tests.programs.figures.formulas results/chung2014     # one confirming run of each cell and set

Each run is trained again, to the bit, and its sums over every piece of the training and the test split are put together
by each formula. Table 2 has 24 numbers on music and 12 gaps between training and test. A formula explains them if it
comes closer than the others on sets that it was not chosen on: it is chosen on three sets and judged on the fourth.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench import results
from bench.claims.published import numbers
from bench.core.cell_words import cell_words
from bench.results.run import RunRecord
from bench.sweep.resolve import shape_of
from bench.sweep.weights import retrained_weights
from bench.tasks.base import Sequences
from bench.tasks.opened import Tasks
from bench.training.batches import evaluation_batches
from bench.training.evaluation import evaluate_by_piece
from bench.training.loop import machine_for, member_of, threads
from bench.training.validation import Validation

BATCH = 64
SPLITS = ("train", "test")


@dataclass(frozen=True)
class Sums:
    """What a network gives on a split: nats and steps of each piece, nats per step with noise, and pieces in training.

    `steps_in_training` is the mean number of steps of a piece of the training split.
    """

    nats: np.ndarray
    steps: np.ndarray
    with_noise: float
    steps_in_training: float


def padded(of: Sums, size: int) -> float:
    """Sums over batches of so many pieces, divided by all steps of the batch as if none was padding."""
    starts = range(0, len(of.nats), size)
    n_steps = sum(len(of.steps[i : i + size]) * of.steps[i : i + size].max() for i in starts)
    return float(of.nats.sum() / n_steps)


FORMULAS: Mapping[str, Callable[[Sums], float]] = {
    "mean over steps (ours)": lambda of: of.nats.sum() / of.steps.sum(),
    "mean over pieces of a piece's mean": lambda of: float(np.mean(of.nats / of.steps)),
    "median piece": lambda of: float(np.median(of.nats / of.steps)),
    "mean over steps, weight noise on": lambda of: of.with_noise,
    "mean sum of a piece / mean length in training": lambda of: of.nats.mean() / of.steps_in_training,
    "padded batches of 64": lambda of: padded(of, BATCH),
    "padded to the longest": lambda of: padded(of, len(of.nats)),
}

Place = tuple[str, str, str]
"""A set, a cell and a split."""


def printed() -> dict[Place, float]:
    """The 24 numbers of table 2 on music."""
    return {
        (number.here, number.cell, number.split): number.score
        for number in numbers()
        if (number.paper, number.score_metric) == ("Chung2014", "nll") and number.split in SPLITS
    }


def sums_of(record: RunRecord, tasks: Tasks) -> dict[str, Sums]:
    """What the network of a run gives on training and test split."""
    task, validation = tasks.task(record.run.task), tasks.validation(record.run.task)
    shape = shape_of(record.run, task)
    row = retrained_weights(record, shape, task, validation)
    assert row is not None, "a run that is done ends with weights"
    noisy = dataclasses.replace(record.run, train=dataclasses.replace(record.run.train, noisy_validation=True))
    found = {}
    with threads(1):
        machine = machine_for(record.run, shape)
        member = member_of(noisy, shape, task, machine)
        member.row = row
        for name, split in (("train", task.train), ("test", task.read("test"))):
            assert isinstance(split, Sequences)
            batches = list(evaluation_batches(split, tracks=1, dtype=machine.dtype))
            _, pieces = evaluate_by_piece(row, shape, task, batches, machine)
            (with_noise,) = Validation(split, shape, task, machine).nats([member])
            nats, steps = np.array(pieces.nats), np.array(pieces.units)
            found[name] = Sums(nats, steps, with_noise, float(np.mean(task.train.lengths)))
    return found


def distance(formula: str, found: Mapping[Place, Sums], sets: Sequence[str]) -> tuple[float, float]:
    """Root mean square distance to print, over the numbers and over the gaps of some sets, in nats."""
    there = printed()
    here = {place: FORMULAS[formula](sums) for place, sums in found.items() if place[0] in sets}
    numbers_apart = [here[place] - there[place] for place in here]
    gaps_apart = [
        here[task, cell, "test"] - here[task, cell, "train"] - there[task, cell, "test"] + there[task, cell, "train"]
        for task, cell, split in here
        if split == "test"
    ]
    return _rms(numbers_apart), _rms(gaps_apart)


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def chosen(found: Mapping[Place, Sums], sets: Sequence[str]) -> str:
    """The formula that comes closest on some sets, to numbers and gaps alike."""
    return min(FORMULAS, key=lambda formula: float(np.hypot(*distance(formula, found, sets))))


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def report(found: Mapping[Place, Sums]) -> str:
    """The three tables: every number by every formula, the distances, and the set that was left out."""
    there, sets = printed(), sorted({task for task, _, _ in found})
    rows = [
        [*place, f"{there[place]:.2f}", *(f"{formula(sums):.2f}" for formula in FORMULAS.values())]
        for place, sums in sorted(found.items())
    ]
    parts = [table(("set", "cell", "split", "print", *FORMULAS), rows)]
    rows = [[name, *(f"{apart:.2f}" for apart in distance(name, found, sets))] for name in FORMULAS]
    parts.append(table(("formula", "apart, 24 numbers", "apart, 12 gaps"), rows))
    rows, ours = [], next(iter(FORMULAS))
    for left_out in sets if len(sets) > 1 else ():
        best = chosen(found, [each for each in sets if each != left_out])
        own, others = (distance(name, found, [left_out]) for name in (best, ours))
        rows.append([left_out, best, *(f"{apart:.2f}" for apart in itertools.chain(own, others))])
    header = ("left out", "chosen on the others", "its numbers apart", "its gaps apart", "ours", "gaps by ours")
    return "\n\n".join([*parts, table(header, rows)])


def in_print(record: RunRecord) -> str | None:
    """What table 2 calls the cell of a run, None if it is not there."""
    names = {cell for _, cell, _ in printed()}
    return next((name for name in cell_words(record.run.cell).published if name in names), None)


def first_runs(directory: Path) -> dict[tuple[str, str], RunRecord]:
    """The first confirming run of each cell of table 2, at its printed size, on each set."""
    found: dict[tuple[str, str], RunRecord] = {}
    records = results.read(directory, curves=False).records
    for record in sorted(records, key=lambda record: (record.run.seed, record.run.cell_name)):
        run, cell = record.run, in_print(record)
        if cell and (run.phase, record.outcome.status, run.size.count) == ("confirm", "done", "recurrent"):
            found.setdefault((run.task_name, cell), record)
    return found


def main() -> None:
    """Print the tables of a results directory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    tasks, found = Tasks(os.environ.get("BENCH_DATA")), {}
    for (task, cell), record in first_runs(parser.parse_args().directory).items():
        found |= {(task, cell, split): sums for split, sums in sums_of(record, tasks).items()}
    print(report(found))


if __name__ == "__main__":
    main()
